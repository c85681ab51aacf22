/** What is found on the device's disks after a power cut, read by the agent's own store and config loader. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceName } from '../../../agent/contract/names.ts'
import { NONCE_BYTES } from '../../../agent/contract/swap.ts'
import type { StoredCredentials } from '../../../agent/credential/candidates.ts'
import type { SharedSecret, TemporarySecret } from '../../../agent/credential/credential.ts'
import type { Log } from '../../../agent/log.ts'
import { openStore } from '../../../agent/store/store.ts'
import { loadConfig } from '../../../config/load.ts'
import { type MountOutcome, whileMounted } from './mounted.ts'

/** What was found on the state disk. `complaints` is what the store logged: it is silent about a disk that was merely cut off. */
export type FoundState = {
  readonly mounted: MountOutcome
  readonly files: readonly string[]
  readonly stored: StoredCredentials
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

/** Reads a state disk as the agent does when it starts. The disk's file is changed by that. */
export function readStateDisk(file: string, mountPoint: string, identity: DeviceName): Promise<FoundState> {
  return whileMounted(file, mountPoint, async (mounted) => {
    const files = (await readdir(mountPoint)).filter((name) => name !== 'lost+found').sort()
    const complaints: string[] = []
    const store = await openStore({ directory: mountPoint, identity, log: collectingLog(complaints), random: () => FRESH })
    try {
      const stored = await store.load()
      const nonce = await store.nonce('kept')
      const isFresh = nonce === Buffer.from(FRESH).toString('base64url')
      return { mounted, files, stored, nonce: isFresh ? null : nonce, complaints }
    } finally {
      await store.close()
    }
  })
}

/** Reads a config disk as the agent does when it starts; throws what the loader says where the config is not good. */
export function readConfigDisk(file: string, mountPoint: string): Promise<FoundConfig> {
  return whileMounted(file, mountPoint, async () => {
    const loaded = loadConfig({ environment: {}, configFile: join(mountPoint, 'ca.json') })
    if (!loaded.ok) throw new Error(loaded.problems.join('; '))
    const text = await readFile(join(mountPoint, 'ca.json'), 'utf8')
    return { flashed: loaded.config.credentials, holdsProvisioningKey: text.includes('zkp_') }
  })
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
