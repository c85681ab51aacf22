/** What is found on the device's disks after a power cut, read by the agent's own store and config loader. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceName } from '../../../agent/contract/names.ts'
import { NONCE_BYTES } from '../../../agent/contract/swap.ts'
import type { Slots } from '../../../agent/credential/candidates.ts'
import type { SharedSecret, TemporarySecret } from '../../../agent/credential/credential.ts'
import type { Log } from '../../../agent/log.ts'
import { openStore } from '../../../agent/store/store.ts'
import { loadConfig } from '../../../config/load.ts'

/** What was found on the state disk. `complaints` is what the store logged: it is silent about a disk that was merely cut off. */
export type FoundState = {
  readonly files: readonly string[]
  readonly stored: Slots
  readonly nonce: string | null
  readonly complaints: readonly string[]
}

/** What the CA config gives. */
export type FoundConfig = { readonly flashed: readonly (SharedSecret | TemporarySecret)[]; readonly holdsProvisioningKey: boolean }

/** Drawn where no nonce is kept, so that a fresh one can be told from it. */
const FRESH = new Uint8Array(NONCE_BYTES)

function collectingLog(complaints: string[]): Log {
  const keep = (...parts: unknown[]): void => {
    complaints.push(parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' '))
  }
  return { trace: () => {}, debug: () => {}, info: () => {}, warn: keep, error: keep, fatal: keep }
}

/** Reads a mounted state disk as the agent does when it starts; the lock apart, since nobody else is there. */
export async function readState(mountPoint: string, identity: DeviceName): Promise<FoundState> {
  const files = (await readdir(mountPoint)).filter((name) => name !== 'lost+found').sort()
  const complaints: string[] = []
  const log = collectingLog(complaints)
  const store = await openStore({ directory: mountPoint, identity, log, random: () => FRESH, lock: async () => {} })
  try {
    const stored = await store.load()
    const nonce = await store.nonce('kept')
    const isFresh = nonce === Buffer.from(FRESH).toString('base64url')
    return { files, stored, nonce: isFresh ? null : nonce, complaints }
  } finally {
    await store.close()
  }
}

/** Reads a mounted config disk as the agent does when it starts; throws what the loader says where the config is not good. */
export async function readConfig(mountPoint: string): Promise<FoundConfig> {
  const configFile = join(mountPoint, 'ca.json')
  const loaded = loadConfig({ environment: {}, configFile })
  if (!loaded.ok) throw new Error(loaded.problems.join('; '))
  return { flashed: loaded.config.credentials, holdsProvisioningKey: (await readFile(configFile, 'utf8')).includes('zkp_') }
}

/** A found state in a few words: which of the store's files hold something good. */
export function describeFound({ stored, nonce, files }: FoundState): string {
  const parts = [
    nonce === null ? null : 'nonce',
    stored.pending === null ? null : 'pending',
    stored.current === null ? null : 'current',
    files.some((name) => name.endsWith('.tmp')) ? 'a left-over' : null,
  ].filter((part) => part !== null)
  return parts.join(' + ') || 'nothing'
}
