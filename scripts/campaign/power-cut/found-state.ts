/** What is found on the device's disks after a power cut, read by the agent's own store and config loader. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nonceOfKey } from '../../../agent/contract/certificate.ts'
import type { DeviceName } from '../../../agent/contract/names.ts'
import type { Slots } from '../../../agent/credential/candidates.ts'
import { isCertificate, type SharedSecret, type TemporarySecret } from '../../../agent/credential/credential.ts'
import type { Log } from '../../../agent/log.ts'
import { openStore } from '../../../agent/store/store.ts'
import { loadConfig } from '../../../config/load.ts'

/** What was found on the state disk. `complaints` is what the store logged: it is silent about a disk that was merely cut off. */
export type FoundState = {
  readonly files: readonly string[]
  readonly stored: Slots
  /** Of what a credential was asked for with: the nonce, and the one of the key. */
  readonly nonces: readonly string[]
  readonly complaints: readonly string[]
}

/** What the CA config gives. */
export type FoundConfig = { readonly flashed: readonly (SharedSecret | TemporarySecret)[]; readonly holdsProvisioningKey: boolean }

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
  const store = await openStore({ directory: mountPoint, identity, log, lock: async () => {} })
  try {
    const stored = await store.load()
    // Where there is none, a call would draw one; where it is torn, the store complains.
    const nonces: string[] = []
    if (files.includes('nonce')) nonces.push(await store.nonce('kept'))
    if (files.includes('key')) nonces.push(nonceOfKey(createPublicKey(createPrivateKey((await store.key('kept')).reveal()))))
    return { files, stored, nonces, complaints }
  } finally {
    await store.close()
  }
}

/** Reads a mounted config disk as the agent does when it starts; throws what the loader says where the config is not good. */
export async function readConfig(mountPoint: string): Promise<FoundConfig> {
  const configFile = join(mountPoint, 'ca.json')
  const loaded = loadConfig({ environment: {}, configFile })
  if (!loaded.ok) throw new Error(loaded.problems.join('; '))
  const flashed = loaded.config.credentials.filter((credential) => !isCertificate(credential))
  return { flashed, holdsProvisioningKey: (await readFile(configFile, 'utf8')).includes('zkp_') }
}

/** A found state in a few words: which of the store's files hold something good. */
export function describeFound({ stored, files }: FoundState): string {
  const parts = [
    files.includes('nonce') ? 'nonce' : null,
    files.includes('key') ? 'key' : null,
    stored.pending === null ? null : 'pending',
    stored.current === null ? null : 'current',
    files.some((name) => name.endsWith('.tmp')) ? 'a left-over' : null,
  ].filter((part) => part !== null)
  return parts.join(' + ') || 'nothing'
}
