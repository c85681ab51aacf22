/** The cloud of the campaign: a process on a database on the disk, with all that an operator prepares, and the judge's own way to look at it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JSONWebKeySet } from 'jose'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { parseSecretText } from '../../../agent/contract/secret-text.ts'
import { parseSigningKeys } from '../../../agent/contract/signed-time.ts'
import { volatileBecause } from '../../../agent/store/durability.ts'
import { type ApiClient, openApiClient } from '../../../cloud/cli/api-client.ts'
import { type DatabaseSettings, dataFiles, readCloudConfig } from '../../../cloud/data-folder.ts'
import { databasePlace } from '../../../cloud/folder-database.ts'
import { initCloud } from '../../../cloud/init.ts'
import { openDatabase } from '../../../cloud/store/database.ts'
import type { Tables } from '../../../cloud/store/tables.ts'
import { type Cluster, createCluster } from '../../postgres/cluster.ts'
import { createDatabase } from '../../postgres/sql.ts'
import type { CloudProgram } from './cloud-program.ts'
import { KillableCloud } from './killable-cloud.ts'

/** Where the cloud keeps what it knows. */
export type Engine = 'sqlite' | 'postgres'

/** The account of all devices. */
export const ACCOUNT = 'acme'

/** The provisioning key of most of them. */
export const KEY_ID = 'line-7'

/** The realm, and the AAA domain of the one AAA client. */
export const AAA_DOMAIN = 'zipkey.test'

const HOST = 'localhost'
/** All devices call from one address. */
const PLENTY = 1_000_000_000

/** How a device reaches the cloud, and what it checks it by. */
export type CloudAccess = {
  readonly url: string
  readonly issuer: string
  readonly caPem: string
  readonly signingKeys: JSONWebKeySet
}

/** How an AAA server reaches the cloud. */
export type AaaAccess = { readonly url: string; readonly caPem: string; readonly id: string; readonly secret: string }

/** The cloud, prepared. */
export type Site = {
  readonly engine: Engine
  readonly folder: string
  readonly dataFolder: string
  readonly cloud: KillableCloud
  /** The PostgreSQL below it; null on SQLite. */
  readonly cluster: Cluster | null
  readonly access: CloudAccess
  readonly aaa: AaaAccess
  readonly provisioningKey: Uint8Array
  readonly api: ApiClient
  readonly close: () => Promise<void>
}

/** Opens the cloud's database beside the cloud, for the time of a call. */
export async function lookInto<T>(site: Site, look: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
  const { database } = await readCloudConfig(site.dataFolder)
  const db = openDatabase(await databasePlace(site.dataFolder, database))
  try {
    return await look(db)
  } finally {
    await db.destroy()
  }
}

/** An operator's call, repeated until the cloud that is being killed has answered it. */
export async function insist<T>(site: Site, path: string, answer: z.ZodType<T>, body: unknown, patienceMs: number): Promise<T> {
  for (const untilMs = performance.now() + patienceMs; ; ) {
    try {
      return await site.api.call('POST', path, answer, body)
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await sleep(100)
    }
  }
}

async function databaseOf(cluster: Cluster, folder: string): Promise<DatabaseSettings> {
  const { url, password } = await createDatabase(cluster)
  const passwordFile = join(folder, 'database-password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  return { url, passwordFile, connections: 10 }
}

/** Makes the cloud in an empty folder on a disk, and starts it. */
export async function openSite(folder: string, engine: Engine, program: CloudProgram): Promise<Site> {
  const because = await volatileBecause(folder)
  if (because !== null) throw new Error(`the campaign needs a folder on a disk, and ${folder} is none: ${because}`)
  const dataFolder = join(folder, 'cloud')
  const cluster = engine === 'postgres' ? await createCluster() : null
  const cloud = new KillableCloud({ program, dataFolder, logFile: join(folder, 'cloud.log') })
  const close = async (): Promise<void> => {
    await cloud.end('SIGTERM')
    await cluster?.remove()
  }
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 })
    const database = cluster === null ? {} : { database: await databaseOf(cluster, folder) }
    await initCloud({
      folder: dataFolder,
      host: HOST,
      issuer: `https://${HOST}`,
      listen: '127.0.0.1:0',
      tls: { kind: 'self-signed' },
      ...database,
    })
    const { config } = dataFiles(dataFolder)
    const written: unknown = JSON.parse(await readFile(config, 'utf8'))
    const limits = { requestsPerMinutePerAddress: PLENTY, requestsPerMinutePerAaaClient: PLENTY }
    await writeFile(config, JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(written), ...limits }))
    await cloud.start()
    return { engine, folder, dataFolder, cloud, cluster, ...(await prepare(dataFolder, cloud.port)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function prepare(dataFolder: string, port: number): Promise<Pick<Site, 'access' | 'aaa' | 'provisioningKey' | 'api'>> {
  const { client } = dataFiles(dataFolder)
  const url = `https://127.0.0.1:${port}`
  const api = await openApiClient(client, url)
  const { ca } = z.object({ ca: z.string() }).parse(JSON.parse(await readFile(client, 'utf8')))
  const caPem = await readFile(resolve(dataFolder, ca), 'utf8')
  await api.call('POST', '/v1/accounts', z.unknown(), { id: ACCOUNT })
  const created = await api.call('POST', `/v1/accounts/${ACCOUNT}/provisioning-keys`, z.object({ key: z.string() }), {
    id: KEY_ID,
    allow: ['*'],
  })
  const provisioningKey = parseSecretText('zkp_', created.key)
  if (!provisioningKey.ok) throw new Error(provisioningKey.problem)
  const door = { id: 'door', aaa_domain: AAA_DOMAIN, accounts: [ACCOUNT] }
  const { id, secret } = await api.call('POST', '/v1/aaa-clients', z.object({ id: z.string(), secret: z.string() }), door)
  const signingKeys = parseSigningKeys(await api.call('GET', '/v1/jwks', z.unknown()))
  if (!signingKeys.ok) throw new Error(signingKeys.problem)
  return {
    api,
    access: { url, issuer: `https://${HOST}`, caPem, signingKeys: signingKeys.value },
    aaa: { url, caPem, id, secret },
    provisioningKey: provisioningKey.value,
  }
}
