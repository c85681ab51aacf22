/** The running service: the folder's keys and database, the HTTP server over TLS, and what it forgets once a minute. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createAlarmTeller } from './alarm-command.ts'
import { shareFolder } from './backup/folder-lock.ts'
import { likelyMasterKeyProblem } from './crypto/fits-keys.ts'
import { type CloudConfig, DataFolderError, readCloudConfig, readKeys, readPrivateFile } from './data-folder.ts'
import { databasePlace, prepareDatabase } from './folder-database.ts'
import { buildServer } from './http/server.ts'
import { openIssuer } from './issuer/open-issuer.ts'
import { sealDecoy } from './onboarding/records.ts'
import type { CloudParts } from './parts.ts'
import { openDatabase } from './store/database.ts'
import { forgetExpiredUses } from './store/used-once.ts'

const FORGET_EVERY_MS = 60_000
// Another process on the database may have a clock that is behind, and would take an assertion that this one forgot.
const CLOCKS_APART_MS = 10 * 60_000

/** What a caller may decide otherwise than `config.json`. */
export type ServiceOptions = { readonly listen?: string; readonly logLevel?: string; readonly nowMs?: () => number }

/** A service that listens. */
export type RunningService = { readonly port: number; readonly close: () => Promise<void> }

/** Starts the service of a folder. */
export async function startService(folder: string, options: ServiceOptions = {}): Promise<RunningService> {
  const config = await readCloudConfig(folder)
  const lock = await shareFolder(folder)
  try {
    const { port, close } = await start(folder, config, options)
    return { port, close: () => close().finally(lock.release) }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function start(folder: string, config: CloudConfig, options: ServiceOptions): Promise<RunningService> {
  const keys = await readKeys(folder)
  const tls = {
    cert: await readFile(resolve(folder, config.tls.cert), 'utf8'),
    key: await readPrivateFile(resolve(folder, config.tls.key)),
  }
  const place = await databasePlace(folder, config.database)
  await prepareDatabase(place)
  const db = openDatabase(place)
  const problem = await likelyMasterKeyProblem(db, { keys: keys.masterKeys, givenUp: keys.givenUp })
  if (problem !== null) throw new DataFolderError(problem)
  const nowMs = options.nowMs ?? Date.now
  const parts: CloudParts = {
    db,
    ...keys,
    sealedDecoy: sealDecoy(keys.masterKeys),
    deviceIssuer: await openIssuer(folder, config, nowMs),
    issuer: config.issuer,
    nowMs,
    tellAlarm: (alarm) => alarms.tell(alarm),
  }
  const app = await buildServer(parts, { ...config, tls, logLevel: options.logLevel ?? config.logLevel })
  const alarms = createAlarmTeller({ command: config.alarmCommand, log: app.log })
  if (parts.deviceIssuer.isNew) app.log.warn('made a new CA for devices: give hotspots what zipkey-cloud device-ca prints')
  await app.listen(listenAddress(options.listen ?? config.listen))
  const forgetting = setInterval(() => {
    forgetExpiredUses(db, parts.nowMs() - CLOCKS_APART_MS).catch((error: unknown) =>
      app.log.error({ err: error }, 'could not forget expired uses'),
    )
  }, FORGET_EVERY_MS)
  const close = async (): Promise<void> => {
    clearInterval(forgetting)
    await app.close()
    await alarms.close()
    await db.destroy()
  }
  const address = app.server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, close }
}

function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) }
}
