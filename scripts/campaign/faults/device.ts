/** Devices for the campaign: each fault gets one of its own, fresh from the factory, in the one lab that stays up. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'
import type { PermanentKind } from '../../../agent/credential/credential.ts'
import { DEVICE } from '../../story/names.ts'
import { insideNamespace } from '../../story/programs.ts'
import type { OpenWiredStage } from '../../story/wired-stage.ts'
import type { DiskPlace } from './disk.ts'
import { SupervisedAgent } from './supervised-agent.ts'

/** A device: its name, and where its files are. */
export type Device = DiskPlace & {
  readonly folder: string
  /** Powers it on; `before` is put before the agent's command. */
  readonly start: (before?: readonly string[], environment?: Readonly<Record<string, string>>) => SupervisedAgent
}

/** Flashes a device: the CA config of the stage's own, with another id and another state directory. */
export async function flashDevice(lab: OpenWiredStage, number: number, permanentCredential: PermanentKind): Promise<Device> {
  const name = { ...DEVICE, device: `SN-F${number}` }
  const folder = join(lab.folder, `device-${number}`)
  const stateFolder = join(folder, 'var/zipkey')
  const configFolder = join(folder, 'etc')
  const configFile = join(configFolder, 'ca.json')
  await mkdir(configFolder, { recursive: true })
  await mkdir(join(folder, 'var'))
  const template: unknown = JSON.parse(await readFile(join(lab.folder, 'ca.json'), 'utf8'))
  if (!isObject(template)) throw new Error('the CA config of the stage is no object')
  const own = { device: { id: name.device }, permanentCredential, state: { directory: stateFolder } }
  await writeFile(configFile, JSON.stringify({ ...template, ...own }), { mode: 0o600 })
  const inside = insideNamespace(lab.lab.wire.deviceNamespace)
  const { busAddress } = lab.lab
  return {
    ...{ name, folder, configFile, stateFolder },
    start: (before = [], environment = {}) => new SupervisedAgent({ inside, busAddress, configFile, before, environment }),
  }
}
