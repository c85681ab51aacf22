/** AAA look-ups: FreeRADIUS that asks the built cloud for a device's password, beside FreeRADIUS that has it in a local `users` file. */
import { join } from 'node:path'
import { deriveHotspotPassword } from '../../../agent/contract/derivation.ts'
import { formatInnerIdentity } from '../../../agent/contract/names.ts'
import { cpuMs } from './cpu-time.ts'
import type { HeldSecret } from './fleet.ts'
import { Load } from './load.ts'
import { type LookUpServer, openLookUpServer } from './look-up-server.ts'
import { driveRadius, type Login } from './radius-load.ts'
import { walkRound } from './round.ts'
import { AAA_DOMAIN, openBenchCloud } from './servers.ts'

const AT_ONCE = 64
const ROUNDS = 5
const DEVICES = { devices: 200, waves: 3 }
const LOOK_UPS = 3000

/** Look-ups per second in one round, and what one of the cloud's takes of the CPU, by whom. */
export type LookUpRound = {
  readonly cloudPerS: number
  readonly filePerS: number
  readonly cloudCpuMs: number
  readonly freeradiusCpuMs: number
}

const loginOf = ({ name, id, secret }: HeldSecret): Login => ({
  name: formatInnerIdentity({ ...name, credentialId: id, realm: AAA_DOMAIN }),
  password: deriveHotspotPassword(secret, name, AAA_DOMAIN),
})

/** Measures both in turn; the first round warms up, and is not among those that it gives. */
export async function compareLookUps(folder: string, tell: (round: LookUpRound) => void): Promise<readonly LookUpRound[]> {
  const cloud = await openBenchCloud({ folder: join(folder, 'cloud'), database: null, nodeOptions: [], config: {} })
  const load = await Load.open(cloud.port, cloud.caPem, AT_ONCE)
  const { proven } = await walkRound(load, cloud.line, 'aaa', DEVICES)
  load.close()
  const known = proven.map(loginOf)
  const asking = await openLookUpServer(join(folder, 'asking'), cloud, { from: 'cloud' })
  const reading = await openLookUpServer(join(folder, 'reading'), cloud, { from: 'file', logins: known })
  const logins = Array.from({ length: LOOK_UPS }, (_, index) => known[index % known.length] ?? { name: '', password: '' })
  const perSecond = async (server: LookUpServer): Promise<number> => (LOOK_UPS / (await driveRadius(server, logins, AT_ONCE))) * 1000
  const rounds: LookUpRound[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = { cloud: cpuMs(cloud.pid), freeradius: cpuMs(asking.pid) }
    const cloudPerS = await perSecond(asking)
    const cloudCpuMs = (cpuMs(cloud.pid) - before.cloud) / LOOK_UPS
    const freeradiusCpuMs = (cpuMs(asking.pid) - before.freeradius) / LOOK_UPS
    const measured = { cloudPerS, filePerS: await perSecond(reading), cloudCpuMs, freeradiusCpuMs }
    tell(measured)
    if (round > 0) rounds.push(measured)
  }
  await asking.stop()
  await reading.stop()
  await cloud.stop()
  return rounds
}
