/** The cloud's folder: configuration, keys and database. Keys are files of their own, 0600, so that a backup of the database holds none. */
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type MasterKeyFile, type MasterKeys, parseMasterKeys } from './crypto/master-key.ts'
import { parseSigningKeyFile, type SigningKeys } from './crypto/signing-key.ts'
import { parsePostgresUrl } from './store/postgres-address.ts'

/** Where things are in the folder. */
export const dataFiles = (folder: string) => ({
  config: join(folder, 'config.json'),
  masterKeys: join(folder, 'master-keys.json'),
  signingKeys: join(folder, 'signing-keys.json'),
  deviceCa: join(folder, 'device-ca.pem'),
  database: join(folder, 'cloud.db'),
  lock: join(folder, 'lock'),
  client: join(folder, 'client.json'),
  operatorKey: join(folder, 'operator.key'),
})

const listen = z.string().regex(/^\S+:[0-9]{1,5}$/, 'listen is <address>:<port>')

/** `database` of the config. */
export const databaseSchema = z.strictObject({
  /** postgres://<user>@<host>/<database>, without a password. */
  url: z.string().superRefine((text, context) => {
    const address = parsePostgresUrl(text)
    if (!address.ok) context.addIssue({ code: 'custom', message: address.problem })
  }),
  /** The password's file, 0600; left out where the server asks for none. */
  passwordFile: z.string().optional(),
  /** The CA (PEM) of the server's TLS certificate; left out where one of the system's issued it. */
  caFile: z.string().optional(),
  /** How many connections a process opens at most. */
  connections: z.number().int().min(2).max(1000).default(10),
})

/** PostgreSQL, as the config says it; files are absolute or relative to the folder. */
export type DatabaseSettings = z.infer<typeof databaseSchema>

/** A CA elsewhere signs devices' certificates: the command that asks it, and the CA (PEM file) that its chains lead to. */
const externalCa = z.strictObject({
  command: z.tuple([z.string().startsWith('/', 'command is the absolute path of a program, and its arguments')], z.string()),
  ca: z.string(),
  timeoutMs: z.number().int().min(100).max(120_000).default(8000),
})

/**
 * How many requests are worked on at once, and how many connections may be open, unless the config says otherwise. Half of the former
 * are anybody's: about as many as the kernel's queue of connections holds. Who comes through it, and through a TLS handshake, which costs
 * as much as a token, is to be answered and not sent away to do another one.
 */
export const GATE = { requestsAtOnce: 1024, connections: 8192 } as const

const configSchema = z.strictObject({
  /** What devices name as the audience of their assertions, for ever. */
  issuer: z.string().min(1).max(255),
  listen,
  /** Files, absolute or relative to the folder. */
  tls: z.strictObject({ cert: z.string(), key: z.string() }),
  /** Asks clients for certificates, so that devices may prove themselves by mutual TLS: only where no proxy ends TLS. */
  clientCertificates: z.boolean().default(false),
  /** Absent: the cloud signs devices' certificates with a CA of its own. */
  deviceCa: externalCa.optional(),
  /** How long certificates of the cloud's own CA last; absent: without end. */
  certificateDays: z.number().int().min(1).max(36_500).optional(),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  /** A program and its parameters: it gets each alarm as JSON on its stdin. */
  alarmCommand: z.array(z.string().min(1)).min(1).nullable().default(null),
  requestsPerMinutePerAddress: z.number().int().positive().default(1200),
  requestsPerMinutePerAaaClient: z.number().int().positive().default(6000),
  requestsAtOnce: z.number().int().min(8).default(GATE.requestsAtOnce),
  connections: z.number().int().min(64).default(GATE.connections),
  /** Left out for SQLite in the folder. */
  database: databaseSchema.optional(),
})

/** `config.json`. */
export type CloudConfig = z.infer<typeof configSchema>

/** Something is wrong with the cloud's folder that a person must correct. */
export class DataFolderError extends Error {}

/** Writes a file that its owner alone reads, durably; one that exists is never overwritten. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Reads a file that must be its owner's alone. */
export async function readPrivateFile(path: string): Promise<string> {
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) throw new DataFolderError(`${path} can be read by others: chmod 0600 it`)
  return readFile(path, 'utf8')
}

/** Reads `config.json`. */
export async function readCloudConfig(folder: string): Promise<CloudConfig> {
  const { config } = dataFiles(folder)
  const text = await readFile(config, 'utf8').catch(() => {
    throw new DataFolderError(`${config} is not there: make the folder with zipkey-cloud init`)
  })
  const result = configSchema.safeParse(JSON.parse(text))
  if (result.success) return result.data
  throw new DataFolderError(`${config}: ${result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`)
}

/** Reads the keys. */
export async function readKeys(
  folder: string,
): Promise<{ readonly masterKeys: MasterKeys; readonly givenUp: readonly string[]; readonly signingKeys: SigningKeys }> {
  const files = dataFiles(folder)
  const { keys: masterKeys, givenUp } = await readMasterKeys(folder)
  const signingKeys = parseSigningKeyFile(await readPrivateFile(files.signingKeys))
  if (!signingKeys.ok) throw new DataFolderError(`${files.signingKeys}: ${signingKeys.problem}`)
  return { masterKeys, givenUp, signingKeys: signingKeys.value }
}

/** Reads the master keys. */
export async function readMasterKeys(folder: string): Promise<MasterKeyFile> {
  const { masterKeys } = dataFiles(folder)
  const text = await readPrivateFile(masterKeys).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new DataFolderError(`${masterKeys} is not there: put a copy of it back, or see "The master key" in SECURITY.md`)
  })
  const file = parseMasterKeys(text)
  if (!file.ok) throw new DataFolderError(`${masterKeys}: ${file.problem}`)
  return file.value
}
