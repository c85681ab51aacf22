/**
 * What stands on the device's disk. Whether a file is whole is computed here a second time, since the judge of a store must not be
 * the store alone.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceName } from '../../../agent/contract/names.ts'
import { isObject } from '../../../agent/contract/parsed.ts'
import type { Credential, IssuedCredential } from '../../../agent/credential/credential.ts'
import { decodeSlot } from '../../../agent/store/records.ts'
import { loadConfig } from '../../../config/load.ts'

/** The slots, what the CA config holds, and all that must not be there. */
export type Disk = {
  readonly pending: IssuedCredential | null
  readonly current: IssuedCredential | null
  readonly flashed: readonly Credential[]
  readonly problems: readonly string[]
}

/** Whose disk it is, and where. */
export type DiskPlace = { readonly name: DeviceName; readonly stateFolder: string; readonly configFile: string }

const SLOTS = ['pending.json', 'current.json']
const OTHERS = ['nonce', 'key', 'time-floor']
/** A hint that may be lost: whatever it holds is no harm. */
const HINT = 'known-hotspots.json'
const UNFINISHED = [...SLOTS, ...OTHERS].map((name) => `.${name}.tmp`)

/** Reads all of it. A file under its own name must be whole: only an unfinished one under its temporary name may be torn. */
export async function readDisk({ name, stateFolder, configFile }: DiskPlace): Promise<Disk> {
  const problems: string[] = []
  const slots = new Map<string, IssuedCredential>()
  for (const file of await readdir(stateFolder).catch(() => [])) {
    if (UNFINISHED.includes(file) || file.startsWith(HINT)) continue
    const text = await readFile(join(stateFolder, file), 'utf8')
    if (![...SLOTS, ...OTHERS].includes(file)) problems.push(`there is a file ${file}`)
    else if (!isWhole(text)) problems.push(`${file} is torn`)
    else if (SLOTS.includes(file)) {
      const slot = decodeSlot(text, name)
      if (slot.ok) slots.set(file, slot.value)
      else problems.push(`${file}: ${slot.problem}`)
    }
  }
  const config = loadConfig({ environment: {}, configFile })
  if (!config.ok) problems.push(`the CA config is broken: ${config.problems.join('; ')}`)
  return {
    pending: slots.get('pending.json') ?? null,
    current: slots.get('current.json') ?? null,
    flashed: config.ok ? config.config.credentials : [],
    problems,
  }
}

function isWhole(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value)) return false
    const { checksum, ...members } = value
    return checksum === createHash('sha256').update(JSON.stringify(members)).digest('hex')
  } catch {
    return false
  }
}
