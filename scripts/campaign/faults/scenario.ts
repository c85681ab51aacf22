/** The ways through the swap: the first connection of a device, and a rotation that the operator ordered while it was off. */
import { setTimeout as sleep } from 'node:timers/promises'
import { credentialLabel, type PermanentKind } from '../../../agent/credential/credential.ts'
import type { OpenWiredStage } from '../../story/wired-stage.ts'
import type { Device } from './device.ts'
import { readDisk } from './disk.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

/** What happens before the agent is disturbed, and when it has arrived; `prepare` gives the label of the credential that must be replaced. */
export type Scenario = {
  readonly name: string
  readonly permanentCredential: PermanentKind
  readonly prepare: (lab: OpenWiredStage, device: Device) => Promise<string | null>
}

/** How long a device may take from power-on to rest. */
export const ARRIVAL_MS = 25_000
const LOOK_EVERY_MS = 15

/** A device that nobody has touched, which asks for this. */
export const firstConnection = (permanentCredential: PermanentKind): Scenario => ({
  name: `first connection, ${permanentCredential}`,
  permanentCredential,
  prepare: async () => null,
})

/** A device with such a credential, for which another was ordered while it was off. */
function rotation(permanentCredential: PermanentKind): Scenario {
  return { name: `rotation, ${permanentCredential}`, permanentCredential, prepare: enrolAndOrder }
}

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  firstConnection('secret'),
  firstConnection('certificate'),
  rotation('secret'),
  rotation('certificate'),
]

async function enrolAndOrder(lab: OpenWiredStage, device: Device): Promise<string> {
  const agent = device.start()
  const isThere = await until(async () => (await hasArrived(agent, device, null)) && hasRetired(agent), ARRIVAL_MS)
  await agent.stop()
  const { current } = await readDisk(device)
  if (!isThere || current === null) throw new Error(`an undisturbed device did not become steady: ${agent.lines.at(-1)}`)
  const { account, device: id } = device.name
  await lab.cloud.operate('device', 'rotate', account, id)
  return credentialLabel(current)
}

/** Whether the provisioning key was taken out of the CA config, the last that happens after a first swap. */
export const hasRetired = (agent: SupervisedAgent): boolean =>
  agent.lines.some((line) => line.includes('the provisioning key was replaced'))

/** Whether the agent is at rest with a credential that is not the former one. */
export async function hasArrived(agent: SupervisedAgent, device: Device, former: string | null): Promise<boolean> {
  if (agent.events.at(-1)?.to !== 'steady') return false
  const { pending, current } = await readDisk(device)
  return pending === null && current !== null && credentialLabel(current) !== former
}

/** Waits until something is so; false where it was not in time. */
export async function until(holds: () => Promise<boolean> | boolean, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs
  while (performance.now() < endMs) {
    if (await holds()) return true
    await sleep(LOOK_EVERY_MS)
  }
  return false
}
