/** The cloud of the story: the real service as a process of its own, and its operator, who has the command line and nothing else. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../agent/contract/parsed.ts'
import type { CertificateFiles } from '../pki.ts'
import { runProgram } from '../run-program.ts'
import { type Daemon, startDaemon } from '../wired-lab/daemon.ts'
import { AAA_CLIENT_ID, CLOUD_HOST, DEVICE, KEY_ID, REALM } from './names.ts'
import { builtProgram, type Inside } from './programs.ts'
import type { AuditLine } from './story.ts'

/**
 * Where the cloud lives: its folder, its TLS certificate with the CA, the CA of devices' certificates where the hotspot was given one
 * before (null: the one that `init` makes), the address to listen on, and the namespace if it is not ours.
 */
export type LabCloudPlace = {
  readonly folder: string
  readonly tls: CertificateFiles & { readonly caFile: string }
  readonly deviceCa: CertificateFiles | null
  readonly listen: string
  readonly namespace: string | null
  readonly inside: Inside
  /** `info` where it is left out. */
  readonly logLevel?: 'trace' | 'debug' | 'info'
}

const dataOf = ({ folder }: LabCloudPlace): string => join(folder, 'cloud')

/** A cloud that an operator has prepared for the story's device and hotspot. */
export class LabCloud {
  readonly port: number
  readonly provisioningKeyFile: string
  readonly signingKeysFile: string
  /** The CA of devices' certificates, for the AAA server. */
  readonly deviceCaFile: string
  readonly #place: LabCloudPlace
  readonly #daemon: Daemon

  constructor(place: LabCloudPlace, daemon: Daemon, port: number) {
    this.#place = place
    this.#daemon = daemon
    this.port = port
    this.provisioningKeyFile = join(place.folder, 'provisioning-key')
    this.signingKeysFile = join(place.folder, 'cloud-jwks.json')
    this.deviceCaFile = join(place.folder, 'device-ca.pem')
  }

  get caFile(): string {
    return this.#place.tls.caFile
  }

  /** Runs a command of `zipkey-cloud` as the operator. */
  operate(...command: readonly string[]): Promise<string> {
    const client = join(this.#place.folder, 'client.json')
    return run(this.#place.inside, [process.execPath, builtProgram('zipkey-cloud'), '--client', client, ...command])
  }

  /** The audit log of the story's device, oldest first. */
  async audit(): Promise<readonly AuditLine[]> {
    const text = await this.operate('audit', DEVICE.account, '--device', DEVICE.device, '--json')
    return text.split('\n').filter(Boolean).map(parseAuditLine)
  }

  /** Ends the service. */
  stop(): Promise<void> {
    return this.#daemon.stop()
  }
}

function run(inside: Inside, command: readonly string[]): Promise<string> {
  const [program = '', ...parameters] = [...inside, ...command]
  return runProgram(program, parameters)
}

function parseAuditLine(text: string): AuditLine {
  const value: unknown = JSON.parse(text)
  if (!isObject(value) || typeof value.event !== 'string') throw new Error(`not a line of the audit log: ${text}`)
  return { event: value.event, credential: typeof value.credential === 'string' ? value.credential : null }
}

/** Makes a cloud in a new folder, serves it, and does what its operator would: an account, a production line's key, an AAA client. */
export async function openLabCloud(place: LabCloudPlace, aaaClientSecret: string): Promise<LabCloud> {
  await mkdir(place.folder, { recursive: true, mode: 0o700 })
  const { certificateFile, keyFile, caFile } = place.tls
  const tls = ['--tls-cert', certificateFile, '--tls-key', keyFile, '--tls-ca', caFile]
  const init = ['init', '--data', dataOf(place), '--host', CLOUD_HOST, '--listen', place.listen, ...tls]
  await run([], [process.execPath, builtProgram('zipkey-cloud'), ...init])
  if (place.deviceCa !== null) await putDeviceCa(place, place.deviceCa)
  const daemon = await startDaemon({
    command: [process.execPath, builtProgram('zipkey-cloud'), 'serve', '--data', dataOf(place), '--log-level', place.logLevel ?? 'info'],
    namespace: place.namespace,
    logFile: join(place.folder, 'cloud.log'),
    readyText: 'listening on port',
  })
  const port = Number(/listening on port (\d+)/.exec(await daemon.log())?.[1])
  const cloud = new LabCloud(place, daemon, port)
  try {
    await writeClientFile(place, port)
    await prepare(cloud, place, aaaClientSecret)
    return cloud
  } catch (error) {
    await cloud.stop()
    throw error
  }
}

/** The CA's file of a cloud holds certificate and key. */
async function putDeviceCa(place: LabCloudPlace, { certificateFile, keyFile }: CertificateFiles): Promise<void> {
  const text = (await readFile(certificateFile, 'utf8')) + (await readFile(keyFile, 'utf8'))
  await writeFile(join(dataOf(place), 'device-ca.pem'), text)
}

/** The operator's file of `init`, with the port that was really taken. */
async function writeClientFile(place: LabCloudPlace, port: number): Promise<void> {
  const made: unknown = JSON.parse(await readFile(join(dataOf(place), 'client.json'), 'utf8'))
  const operatorKey = join(dataOf(place), 'operator.key')
  const client = { ...(isObject(made) ? made : {}), url: `https://127.0.0.1:${port}`, operatorKey }
  await writeFile(join(place.folder, 'client.json'), JSON.stringify(client), { mode: 0o600 })
}

async function prepare(cloud: LabCloud, { folder }: LabCloudPlace, aaaClientSecret: string): Promise<void> {
  const secretFile = join(folder, 'aaa-client-secret')
  await writeFile(secretFile, aaaClientSecret, { mode: 0o600 })
  await cloud.operate('account', 'create', DEVICE.account)
  await cloud.operate('provisioning-key', 'create', DEVICE.account, KEY_ID, '--allow', 'SN-*', '--out', cloud.provisioningKeyFile)
  await cloud.operate('aaa-client', 'create', AAA_CLIENT_ID, '--aaa-domain', REALM, '--secret-file', secretFile)
  await cloud.operate('signing-keys', '--out', cloud.signingKeysFile)
  await cloud.operate('device-ca', '--out', cloud.deviceCaFile)
}
