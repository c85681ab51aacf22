/** Noticing that a radio was plugged in. */
import type { Netdevs } from './netdevs.ts'
import { until } from './until.ts'

/** Whether an interface that the config wants is there. */
export async function hasRadio(netdevs: Netdevs, wanted: string): Promise<boolean> {
  return wanted === 'auto' ? (await netdevs.radios()).length > 0 : (await netdevs.find(wanted)) !== null
}

/** Ends when a wanted interface appears: at once if `wasMissing` and it is back already, otherwise only after it has been away. */
export async function waitForRadio(netdevs: Netdevs, wanted: string, wasMissing: boolean, signal: AbortSignal): Promise<void> {
  await netdevs.follow()
  let isMissing = wasMissing
  await until<void>(signal, (settle, fail) => {
    let checking = Promise.resolve()
    const check = (): void => {
      checking = checking.then(async () => {
        const isThere = await hasRadio(netdevs, wanted)
        if (isThere && isMissing) settle()
        if (!isThere) isMissing = true
      })
      checking.catch(fail)
    }
    const stop = netdevs.onChange(check)
    check()
    return stop
  })
}
