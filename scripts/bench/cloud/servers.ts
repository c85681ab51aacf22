/** The two that are measured, each a process of its own: the built cloud as an operator would run it, and the ceiling. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'
import { parseSecretText } from '../../../agent/contract/secret-text.ts'
import type { NewDatabase } from '../../postgres/sql.ts'
import { runProgram } from '../../run-program.ts'
import { builtProgram } from '../../story/programs.ts'
import { type Daemon, startDaemon } from '../../wired-lab/daemon.ts'
import { plainEnvironment } from '../plain-node.ts'
import type { Line } from './fleet.ts'

const ACCOUNT = 'acme'
const KEY_ID = 'line-7'
const AAA_CLIENT = 'berlin'
/** Of the only AAA client; also the realm of identities. */
export const AAA_DOMAIN = 'zipkey.test'
/** All of the load comes from one address. */
const NO_LIMIT_PER_MINUTE = 1_000_000_000

/** A server that listens. */
export type RunningServer = { readonly port: number; readonly pid: number; readonly stop: () => Promise<void> }

/** A cloud with one account, one production line and one AAA client, whose limits are out of the way by its configuration. */
export type BenchCloud = RunningServer & {
  readonly line: Line
  readonly aaaClient: { readonly id: string; readonly secret: string }
  readonly caPem: string
  readonly tlsFolder: string
}

/** Where it is made, on SQLite or on which database, options of its node such as those of a profile, and what its config says besides. */
export type BenchCloudPlace = {
  readonly folder: string
  readonly database: NewDatabase | null
  readonly nodeOptions: readonly string[]
  readonly config: Readonly<Record<string, unknown>>
}

/** Makes a cloud in a new folder and serves it. */
export async function openBenchCloud({ folder, database, nodeOptions, config }: BenchCloudPlace): Promise<BenchCloud> {
  const data = join(folder, 'cloud')
  const program = builtProgram('zipkey-cloud')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const where = database === null ? [] : ['--database', database.url, '--database-password-file', await passwordFile(folder, database)]
  await runProgram(process.execPath, [program, 'init', '--data', data, '--host', 'localhost', '--listen', '127.0.0.1:0', ...where])
  const configFile = join(data, 'config.json')
  const made: unknown = JSON.parse(await readFile(configFile, 'utf8'))
  const limits = { requestsPerMinutePerAddress: NO_LIMIT_PER_MINUTE, requestsPerMinutePerAaaClient: NO_LIMIT_PER_MINUTE }
  await writeFile(configFile, JSON.stringify({ ...(isObject(made) ? made : {}), ...limits, ...config }))
  const serve = [process.execPath, ...nodeOptions, program, 'serve', '--data', data] as const
  const daemon = await start(serve, join(folder, 'cloud.log'))
  const port = await portOf(daemon)
  const client = join(data, 'client-of-bench.json')
  const operator = { url: `https://127.0.0.1:${port}`, ca: 'tls/ca.pem', operatorKey: 'operator.key', serverName: 'localhost' }
  await writeFile(client, JSON.stringify(operator), { mode: 0o600 })
  const [keyFile, aaaFile] = [join(folder, 'provisioning-key'), join(folder, 'aaa-client-secret')]
  for (const command of [
    ['account', 'create', ACCOUNT],
    ['provisioning-key', 'create', ACCOUNT, KEY_ID, '--allow', 'SN-*', '--out', keyFile],
    ['aaa-client', 'create', AAA_CLIENT, '--aaa-domain', AAA_DOMAIN, '--out', aaaFile],
  ]) {
    await runProgram(process.execPath, [program, '--client', client, ...command])
  }
  const key = parseSecretText('zkp_', await readFile(keyFile, 'utf8'))
  if (!key.ok) throw new Error(key.problem)
  const tlsFolder = join(data, 'tls')
  return {
    ...{ port, pid: daemon.pid, stop: () => daemon.stop() },
    line: { account: ACCOUNT, keyId: KEY_ID, provisioningKey: key.value, issuer: 'https://localhost' },
    aaaClient: { id: AAA_CLIENT, secret: (await readFile(aaaFile, 'utf8')).trim() },
    ...{ tlsFolder, caPem: await readFile(join(tlsFolder, 'ca.pem'), 'utf8') },
  }
}

async function passwordFile(folder: string, { password }: NewDatabase): Promise<string> {
  const file = join(folder, 'database-password')
  await writeFile(file, password, { mode: 0o600 })
  return file
}

/** How long the cloud's answers are. */
export type AnswerBytes = { readonly token: number; readonly secret: number }

/** Starts the ceiling with the cloud's own certificate. */
export async function openCeiling(
  folder: string,
  tlsFolder: string,
  database: NewDatabase | null,
  bytes: AnswerBytes,
): Promise<RunningServer> {
  const program = join(import.meta.dirname, 'ceiling-process.ts')
  const files = [join(tlsFolder, 'server.pem'), join(tlsFolder, 'server.key'), database?.url ?? join(folder, 'ceiling.db')]
  const command = [process.execPath, '--import', 'tsx', program, ...files, String(bytes.token), String(bytes.secret)] as const
  const daemon = await start(command, join(folder, 'ceiling.log'), database === null ? {} : { PGPASSWORD: database.password })
  return { port: await portOf(daemon), pid: daemon.pid, stop: () => daemon.stop() }
}

const start = (command: readonly [string, ...string[]], logFile: string, environment: NodeJS.ProcessEnv = {}): Promise<Daemon> =>
  startDaemon({
    command,
    namespace: null,
    logFile,
    readyText: 'listening on port',
    environment: { ...plainEnvironment(), NODE_EXTRA_CA_CERTS: undefined, NODE_OPTIONS: undefined, ...environment },
  })

const portOf = async (daemon: Daemon): Promise<number> => Number(/listening on port (\d+)/.exec(await daemon.log())?.[1])
