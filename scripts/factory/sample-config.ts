/** Checks, as the agent will, a config such as all devices of a run get. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatSecretText, SECRET_BYTES } from '../../agent/contract/secret-text.ts'
import { caConfigFor, type DeviceProfile, type JsonObject } from './ca-config.ts'
import { InputError } from './inputs.ts'
import { memoryFolder } from './memory-folder.ts'
import { checkConfig } from './write-config.ts'

/** A credential that is nobody's. */
export const nobodysSecret = (): JsonObject => ({ kind: 'shared-secret', secret: formatSecretText('zks_', new Uint8Array(SECRET_BYTES)) })

/** An InputError holds every problem, as the agent would tell it. */
export function checkSampleConfig(profile: DeviceProfile, id: string, credential: JsonObject): void {
  const folder = mkdtempSync(join(memoryFolder(), 'zipkey-factory-'))
  try {
    const file = join(folder, 'ca.json')
    writeFileSync(file, JSON.stringify(caConfigFor({ ...profile, device: { id }, credential })), { mode: 0o600 })
    const checked = checkConfig(file, `the config of ${id}`)
    if (!checked.ok) throw new InputError(...checked.problems)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
