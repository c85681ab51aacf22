/** Makes the folder of a new cloud: keys, database, first operator key and, where it is asked for, a TLS certificate to start with. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createBearerKey, formatOperatorKey, hashBearerKey } from './crypto/bearer-key.ts'
import { createMasterKey, formatMasterKeys } from './crypto/master-key.ts'
import { createSigningKey, formatSigningKeys } from './crypto/signing-key.ts'
import { type CloudConfig, type DatabaseSettings, DataFolderError, dataFiles, writePrivateFile } from './data-folder.ts'
import { databasePlace, prepareDatabase } from './folder-database.ts'
import { createOwnCa } from './issuer/own-ca.ts'
import { createSelfSignedTls } from './self-signed-tls.ts'
import { appendAudit } from './store/audit-log.ts'
import { openDatabase } from './store/database.ts'
import { countOperatorKeys, insertOperatorKey } from './store/principals.ts'

/** The TLS certificate: files that are there, or one made now by a CA made now. `ca` is what clients check it against. */
export type TlsChoice =
  | { readonly kind: 'files'; readonly cert: string; readonly key: string; readonly ca: string }
  | { readonly kind: 'self-signed' }

/** What a new cloud is told. `host` is the name in the certificate and in the URL that devices use. */
export type InitOptions = {
  readonly folder: string
  readonly host: string
  readonly issuer: string
  readonly listen: string
  readonly tls: TlsChoice
  /** A PostgreSQL database that holds nothing yet; SQLite in the folder where it is left out. */
  readonly database?: DatabaseSettings
}

const FIRST_OPERATOR = 'first'

/** Makes the folder; one that holds anything is left alone, and a failure leaves nothing behind. */
export async function initCloud(options: InitOptions): Promise<void> {
  const { folder } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) throw new DataFolderError(`${folder} is not empty: a cloud is made in a folder of its own`)
  try {
    await fill(options)
  } catch (error) {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
    throw error
  }
}

async function fill(options: InitOptions): Promise<void> {
  const files = dataFiles(options.folder)
  const tls = await tlsFiles(options)
  await writePrivateFile(files.masterKeys, formatMasterKeys([createMasterKey()]))
  await writePrivateFile(files.signingKeys, formatSigningKeys([await createSigningKey()]))
  await createOwnCa(files.deviceCa)
  await createDatabase(options)
  const port = options.listen.slice(options.listen.lastIndexOf(':') + 1)
  const client = { url: `https://localhost:${port}`, ca: tls.ca, operatorKey: 'operator.key', serverName: options.host }
  await writePrivateFile(files.client, `${JSON.stringify(client, null, 2)}\n`)
  const config: Pick<CloudConfig, 'issuer' | 'listen' | 'tls' | 'database'> = {
    issuer: options.issuer,
    listen: options.listen,
    tls: { cert: tls.cert, key: tls.key },
    ...(options.database === undefined ? {} : { database: options.database }),
  }
  // Written last: a folder without it was not made to the end.
  await writePrivateFile(files.config, `${JSON.stringify(config, null, 2)}\n`)
}

async function tlsFiles({ folder, host, tls }: InitOptions): Promise<{ cert: string; key: string; ca: string }> {
  switch (tls.kind) {
    case 'files':
      return { cert: resolve(tls.cert), key: resolve(tls.key), ca: resolve(tls.ca) }
    case 'self-signed': {
      await createSelfSignedTls(join(folder, 'tls'), host)
      return { cert: 'tls/server.pem', key: 'tls/server.key', ca: 'tls/ca.pem' }
    }
  }
}

async function createDatabase({ folder, database }: InitOptions): Promise<void> {
  const files = dataFiles(folder)
  // SQLite gives its log and shared memory the mode of the database.
  if (database === undefined) await writePrivateFile(files.database, '')
  const place = await databasePlace(folder, database)
  await prepareDatabase(place)
  const db = openDatabase(place)
  try {
    if ((await countOperatorKeys(db)) > 0) {
      throw new DataFolderError('the database holds a cloud already: name an empty one, or copy the folder of that cloud without cloud.db')
    }
    const key = createBearerKey()
    const nowMs = Date.now()
    await insertOperatorKey(db, { id: FIRST_OPERATOR, hash: hashBearerKey(key), role: 'admin', accounts: null }, nowMs)
    const entry = { account: null, device: null, credential: null, session: null, principal: 'init' }
    await appendAudit(db, nowMs, [{ ...entry, event: 'operator-key-created', detail: `${FIRST_OPERATOR} admin all accounts` }])
    await writePrivateFile(files.operatorKey, `${formatOperatorKey(FIRST_OPERATOR, key)}\n`)
  } finally {
    await db.destroy()
  }
}
