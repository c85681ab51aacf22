/** The factory's part of the story: the CA config of the device, with its id and a provisioning key and nothing else to prove itself. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceName } from '../../agent/contract/names.ts'
import type { PermanentKind } from '../../agent/credential/credential.ts'
import { runProgram } from '../run-program.ts'
import type { LabCloud } from './lab-cloud.ts'
import { AAA_HOST, CLOUD_HOST, DEVICE, KEY_ID, REALM } from './names.ts'
import { builtProgram } from './programs.ts'

/** What differs between the labs. */
export type FlashRequest = {
  readonly folder: string
  /** The story's own where it is left out. */
  readonly device?: DeviceName
  readonly cloud: LabCloud
  /** The port under which the device reaches the Cloud API. */
  readonly cloudPort: number
  readonly aaaCaFile: string
  /** What the device asks the cloud for; a secret where it is left out. */
  readonly permanentCredential?: PermanentKind
  /** A hotspot profile of the CA config, without its EAP settings. */
  readonly hotspot: Readonly<Record<string, unknown>>
  readonly wifi: { readonly interface: string; readonly address: 'system' | 'udhcpc' }
  /** Sections that the factory command has no options for. */
  readonly sections?: Readonly<Record<string, unknown>>
}

/** Flashes the device by `zipkey-factory`; gives the path of the CA config. */
export async function flash({
  folder,
  device: name = DEVICE,
  cloud,
  cloudPort,
  aaaCaFile,
  permanentCredential = 'secret',
  hotspot,
  wifi,
  sections,
}: FlashRequest): Promise<string> {
  const profileFile = join(folder, 'hotspot.json')
  const eap = { methods: ['TLS', 'TTLS'], inner: 'PAP', ca: { file: aaaCaFile }, serverName: AAA_HOST, aaaDomain: REALM }
  await writeFile(profileFile, JSON.stringify({ ...hotspot, eap }))
  const out = join(folder, 'ca.json')
  const device = ['--account', name.account, '--device', name.device, '--realm', REALM]
  const key = ['--key-id', KEY_ID, '--provisioning-key-file', cloud.provisioningKeyFile, '--with-provisioning-key']
  const port = cloudPort === 443 ? '' : `:${cloudPort}`
  const api = ['--cloud-url', `https://${CLOUD_HOST}${port}`, '--cloud-issuer', `https://${CLOUD_HOST}`]
  const trust = ['--cloud-ca-file', cloud.caFile, '--signing-keys-file', cloud.signingKeysFile]
  const network = ['--hotspot', profileFile, '--wifi-interface', wifi.interface, '--wifi-address', wifi.address]
  const wish = ['--permanent-credential', permanentCredential]
  const command = ['config', ...device, ...key, ...wish, ...api, ...trust, ...network, '--out', out]
  await runProgram(process.execPath, [builtProgram('zipkey-factory'), ...command])
  if (sections !== undefined) {
    const config: unknown = JSON.parse(await readFile(out, 'utf8'))
    await writeFile(out, JSON.stringify({ ...(config as object), ...sections }, null, 2), { mode: 0o600 })
  }
  return out
}
