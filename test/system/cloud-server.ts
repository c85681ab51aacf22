/** The real cloud for tests: its own folder, a free port, in this process or in a child that a test may kill. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { access, cp, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { JSONWebKeySet } from 'jose'
import { inject } from 'vitest'
import { z } from 'zod'
import { parseSecretText } from '../../agent/contract/secret-text.ts'
import { parseSigningKeys } from '../../agent/contract/signed-time.ts'
import { type ApiClient, openApiClient } from '../../cloud/cli/api-client.ts'
import { dataFiles } from '../../cloud/data-folder.ts'
import { initCloud, type TlsChoice } from '../../cloud/init.ts'
import { startService } from '../../cloud/service.ts'
import { cloudStage, newDatabase } from './cloud-stage.ts'

/** How the cloud is started. A folder that holds a cloud already is started as it is. */
export type CloudOptions = {
  readonly dir: string
  /** `child` is a process of its own, which `stop('SIGKILL')` kills in mid-air. */
  readonly mode?: 'in-process' | 'child'
  /** The name in its certificate, besides localhost and 127.0.0.1. */
  readonly host?: string
  readonly issuer?: string
  readonly listen?: string
  readonly tls?: TlsChoice
  readonly logLevel?: string
  /** Gets what the service writes to its log; from a child only. */
  readonly onLog?: (text: string) => void
  /** Another clock. */
  readonly nowMs?: () => number
}

const auditEntry = z.object({
  seq: z.number(),
  at: z.number(),
  account: z.string().nullable(),
  device: z.string().nullable(),
  credential: z.string().nullable(),
  event: z.string(),
  principal: z.string(),
  detail: z.string(),
  session: z.string().nullable(),
})

/** One entry of the audit log. */
export type AuditEntry = z.infer<typeof auditEntry>

/** The rules of a provisioning key; all of them may be left out. */
export type KeyRules = {
  readonly allow?: readonly string[]
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  readonly maxDevices?: number
}

/** A cloud that runs. */
export type RunningCloud = {
  /** Where the next request goes: on the stage `pair`, each to the other process than the last. */
  readonly url: string
  readonly port: number
  readonly dir: string
  readonly issuer: string
  readonly caPem: string
  readonly caPath: string
  readonly jwks: JSONWebKeySet
  readonly api: ApiClient
  createAccount(id: string): Promise<void>
  /** The key's text (zkp_…) and its bytes. */
  createProvisioningKey(account: string, id: string, rules?: KeyRules): Promise<{ readonly text: string; readonly bytes: Uint8Array }>
  retireProvisioningKey(account: string, id: string): Promise<void>
  createAaaClient(id: string, aaaDomain: string, accounts?: readonly string[]): Promise<{ readonly id: string; readonly secret: string }>
  /** Registers one device with its flashed secret; gives `registered`, or what is wrong. */
  registerDevice(account: string, id: string, secret: string, format?: 'zks' | 'opaque'): Promise<string>
  /** The same with a certificate, or its fingerprint. */
  registerCertificate(account: string, id: string, certificate: string): Promise<string>
  showDevice(account: string, id: string): Promise<ShownDevice>
  /** Writes the CA of devices' certificates into a folder; gives the file. */
  writeDeviceCa(folder: string): Promise<string>
  /** The audit log of an account, oldest first. */
  audit(account: string, device?: string): Promise<readonly AuditEntry[]>
  /** Ends the service; SIGKILL only where it is a child. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it again on the same port with the same folder. */
  start(): Promise<void>
  /** Starts it again with these settings changed in its config. */
  reconfigure(changes: Readonly<Record<string, unknown>>): Promise<void>
}

const shownDevice = z.object({
  temporary: z.object({ state: z.string(), provisioning_key: z.string().nullable() }),
  flashed: z.string(),
  issued: z.array(z.object({ credential: z.string(), generation: z.number(), state: z.string() })),
})

/** A device as the API shows it. */
export type ShownDevice = z.infer<typeof shownDevice>

type Process = { readonly port: number; readonly stop: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void> }
type Launch = (options: CloudOptions, listen: string) => Promise<Process>

const REPOSITORY = resolve(import.meta.dirname, '../..')

const spawnService: Launch = (options, listen) => {
  const level = ['--log-level', options.logLevel ?? 'error']
  return spawnProcess(options, ZIPKEY_CLOUD, ['serve', '--data', options.dir, '--listen', listen, ...level])
}

const spawnWithClock: Launch = (options, listen) =>
  spawnProcess(options, WITH_CLOCK, [options.dir, listen, options.logLevel ?? 'error', clockFileOf(options.dir)])

/** A program as its source, and as the stage bundled it. */
type Program = { readonly entry: string; readonly file: string }
const ZIPKEY_CLOUD: Program = { entry: 'cloud/main.ts', file: 'zipkey-cloud.cjs' }
const WITH_CLOCK: Program = { entry: 'test/system/cloud-process.ts', file: 'cloud-process.cjs' }

async function spawnProcess(options: CloudOptions, { entry, file }: Program, parameters: readonly string[]): Promise<Process> {
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env
  const env = { ...inherited, NODE_PATH: resolve(REPOSITORY, 'node_modules') }
  const bundled = inject('programs')
  const program = bundled === undefined ? ['--import', 'tsx', entry] : [resolve(bundled, file)]
  const child = spawn(process.execPath, [...program, ...parameters], { cwd: REPOSITORY, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const { onLog = (text: string) => process.stderr.write(text) } = options
  child.stderr.setEncoding('utf8').on('data', onLog)
  const port = await portOf(child)
  const stop = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return { port, stop }
}

async function portOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<number> {
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^listening on port ([0-9]+)$/.exec(line)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('the service ended before it listened')
}

const startHere: Launch = async (options, listen) => {
  const clock = options.nowMs === undefined ? {} : { nowMs: options.nowMs }
  const service = await startService(options.dir, { listen, logLevel: options.logLevel ?? 'error', ...clock })
  let running = true
  const stop = async (): Promise<void> => {
    if (running) await service.close()
    running = false
  }
  return { port: service.port, stop }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const clockFileOf = (folder: string): string => `${folder.replace(/-2$/, '')}.clock`

/** Tells processes of their own what time the test's clock shows. */
function setClock({ dir, nowMs }: CloudOptions): void {
  if (nowMs === undefined) return
  // Renamed into place: a process that looks at this moment must not find it empty.
  writeFileSync(`${clockFileOf(dir)}.new`, String(nowMs() - Date.now()))
  renameSync(`${clockFileOf(dir)}.new`, clockFileOf(dir))
}

/** A second process on the same database, with a copy of the folder, as on another machine. */
async function launchSecond(launch: Launch, options: CloudOptions, listen: string): Promise<Process> {
  const dir = `${options.dir}-2`
  await cp(options.dir, dir, { recursive: true })
  return launch({ ...options, dir }, listen)
}

/** One process, or the two of the stage `pair`. `next` is the port that the next request goes to. */
type Processes = { readonly ports: readonly number[]; readonly next: () => number; readonly stop: Process['stop'] }

async function launchAll(options: CloudOptions, listen: string, fixed: readonly number[]): Promise<Processes> {
  const host = listen.slice(0, listen.lastIndexOf(':'))
  const at = (index: number): string => (fixed[index] === undefined ? listen : `${host}:${fixed[index]}`)
  const isPair = cloudStage() === 'pair'
  setClock(options)
  const separate = options.nowMs === undefined ? spawnService : spawnWithClock
  const launch = options.mode === 'child' || isPair ? separate : startHere
  const launched = await Promise.all([launch(options, at(0)), ...(isPair ? [launchSecond(launch, options, at(1))] : [])])
  const ports = launched.map(({ port }) => port)
  let turn = 0
  const next = (): number => {
    setClock(options)
    return ports[turn++ % ports.length] ?? 0
  }
  return { ports, next, stop: async (signal) => void (await Promise.all(launched.map((process_) => process_.stop(signal)))) }
}

/** Makes the cloud's folder where there is none, and starts the service. */
export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  const { dir } = options
  const host = options.host ?? 'localhost'
  const listen = options.listen ?? '127.0.0.1:0'
  const files = dataFiles(dir)
  if (!(await exists(files.config))) {
    const issuer = options.issuer ?? `https://${host}`
    const database = await newDatabase(`${dir}.database-password`)
    const where = database === null ? {} : { database: { ...database, connections: 10 } }
    await initCloud({ folder: dir, host, issuer, listen, tls: options.tls ?? { kind: 'self-signed' }, ...where })
  }
  let service = await launchAll(options, listen, [])
  const { ports } = service
  const [port = 0] = ports
  const config = z.object({ issuer: z.string() }).parse(JSON.parse(await readFile(files.config, 'utf8')))
  const client = z.object({ ca: z.string() }).parse(JSON.parse(await readFile(files.client, 'utf8')))
  const caPath = resolve(dir, client.ca)
  const api = await openApiOf(files.client, () => service.next())
  const jwks = parseSigningKeys(await api.call('GET', '/v1/jwks', z.unknown()))
  if (!jwks.ok) throw new Error(jwks.problem)
  return {
    ...operations(api),
    get url() {
      return `https://127.0.0.1:${service.next()}`
    },
    ...{ port, dir, issuer: config.issuer, caPath, caPem: await readFile(caPath, 'utf8'), jwks: jwks.value, api },
    stop: (signal = 'SIGTERM') => service.stop(signal),
    start: async () => {
      service = await launchAll(options, listen, ports)
    },
    reconfigure: async (changes) => {
      await service.stop('SIGTERM')
      await writeFile(files.config, JSON.stringify({ ...JSON.parse(await readFile(files.config, 'utf8')), ...changes }))
      service = await launchAll(options, listen, ports)
    },
  }
}

async function openApiOf(clientFile: string, nextPort: () => number): Promise<ApiClient> {
  const clients = new Map<number, ApiClient>()
  const at = async (port: number): Promise<ApiClient> => {
    const client = clients.get(port) ?? (await openApiClient(clientFile, `https://127.0.0.1:${port}`))
    clients.set(port, client)
    return client
  }
  return { call: async (method, path, answer, body) => (await at(nextPort())).call(method, path, answer, body) }
}

type Operations = Omit<
  RunningCloud,
  'url' | 'port' | 'dir' | 'issuer' | 'caPem' | 'caPath' | 'jwks' | 'api' | 'stop' | 'start' | 'reconfigure'
>

const operations = (api: ApiClient): Operations => ({
  async createAccount(id) {
    await api.call('POST', '/v1/accounts', z.unknown(), { id })
  },
  async createProvisioningKey(account, id, rules = {}) {
    const body = {
      id,
      allow: rules.allow ?? ['*'],
      not_before_ms: rules.notBeforeMs ?? null,
      not_after_ms: rules.notAfterMs ?? null,
      max_devices: rules.maxDevices ?? null,
    }
    const { key } = await api.call('POST', `/v1/accounts/${account}/provisioning-keys`, z.object({ key: z.string() }), body)
    const bytes = parseSecretText('zkp_', key)
    if (!bytes.ok) throw new Error(bytes.problem)
    return { text: key, bytes: bytes.value }
  },
  async retireProvisioningKey(account, id) {
    await api.call('POST', `/v1/accounts/${account}/provisioning-keys/${id}/retire`, z.null())
  },
  async createAaaClient(id, aaaDomain, accounts) {
    const body = { id, aaa_domain: aaaDomain, accounts: accounts ?? null }
    return api.call('POST', '/v1/aaa-clients', z.object({ id: z.string(), secret: z.string() }), body)
  },
  async registerDevice(account, id, secret, format = 'zks') {
    const answer = z.object({ results: z.array(z.object({ status: z.string(), message: z.string() })) })
    const { results } = await api.call('POST', `/v1/accounts/${account}/devices`, answer, { devices: [{ id, secret, format }] })
    return results[0]?.status === 'registered' ? 'registered' : (results[0]?.message ?? 'no result')
  },
  async registerCertificate(account, id, certificate) {
    const answer = z.object({ results: z.array(z.object({ status: z.string(), message: z.string() })) })
    const { results } = await api.call('POST', `/v1/accounts/${account}/devices`, answer, { devices: [{ id, certificate }] })
    return results[0]?.status === 'registered' ? 'registered' : (results[0]?.message ?? 'no result')
  },
  showDevice: (account, id) => api.call('GET', `/v1/accounts/${account}/devices/${id}`, shownDevice),
  async writeDeviceCa(folder) {
    const path = join(folder, 'device-ca.pem')
    await writeFile(path, (await api.call('GET', '/v1/device-ca', z.object({ ca: z.string() }))).ca)
    return path
  },
  async audit(account, device) {
    const path = `/v1/accounts/${account}/audit${device === undefined ? '' : `?device=${device}`}`
    return (await api.call('GET', path, z.object({ entries: z.array(auditEntry) }))).entries
  },
})
