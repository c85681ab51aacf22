/** The bus as another ordinary client sees it: broadcast signals, and what wpa_supplicant answers about its networks. */
import { spawn } from 'node:child_process'
import type { WiredLab } from '../../../scripts/wired-lab/wired-lab.ts'

/** What was seen. */
export type ObservedBus = { stop(): Promise<string>; networkProperties(): Promise<string> }

/** Watches the broadcast signals of wpa_supplicant; dbus-monitor prints byte arrays as text where they are text. */
export async function observeBus(lab: WiredLab): Promise<ObservedBus> {
  const child = spawn('dbus-monitor', ['--address', lab.busAddress, "type='signal',sender='fi.w1.wpa_supplicant1'"], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let seen = ''
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
      resolve()
    })
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await ready
  const ask = (path: string, member: string, ...parameters: string[]): Promise<string> => {
    const call = [path, `org.freedesktop.DBus.Properties.${member}`, ...parameters]
    return lab.onDevice('dbus-send', `--bus=${lab.busAddress}`, '--print-reply', '--dest=fi.w1.wpa_supplicant1', ...call)
  }
  return {
    stop: async () => {
      child.kill()
      await ended
      return seen
    },
    networkProperties: async () => {
      const path = /\/fi\/w1\/wpa_supplicant1\/Interfaces\/\d+\/Networks\/\d+/.exec(seen)?.[0]
      if (path === undefined) throw new Error('no network was announced')
      return ask(path, 'GetAll', 'string:fi.w1.wpa_supplicant1.Network')
    },
  }
}
