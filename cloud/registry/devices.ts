/** Registering devices with the secrets flashed at manufacture. */
import { setImmediate } from 'node:timers/promises'
import { stretchOpaqueSecret } from '../../agent/contract/derivation.ts'
import { type DeviceName, parseDeviceId } from '../../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import { looksLikeSecretText, parseSecretText } from '../../agent/contract/secret-text.ts'
import { ApiProblem } from '../api-problem.ts'
import { seal } from '../crypto/sealed.ts'
import { auditEntries } from '../onboarding/audit-entries.ts'
import type { CloudParts } from '../parts.ts'
import { NO_CREDENTIALS } from '../rules/device-credentials.ts'
import { appendAudit } from '../store/audit-log.ts'
import { insertDevice } from '../store/devices.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { operatorPrincipal } from './operator-entry.ts'

/** One row of a registration; `format` is `zks`, or `opaque` for a secret that the company already had. */
export type DeviceRow = { readonly id: string; readonly secret: string; readonly format: string }

/** What became of it. */
export type RowResult = { id: string; status: 'registered' | 'error'; message: string }

/** Registers devices one by one; a row that fails does not keep the others out. */
export async function registerDevices(
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  rows: readonly DeviceRow[],
): Promise<RowResult[]> {
  if (!(await accountExists(parts.db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
  const results: RowResult[] = []
  for (const row of rows) {
    // Stretching an opaque secret takes a while: others get their turn between two.
    await setImmediate()
    const registered = await registerDevice(parts, by, account, row)
    const outcome = registered.ok
      ? ({ status: 'registered', message: '' } as const)
      : ({ status: 'error', message: registered.problem } as const)
    results.push({ id: row.id, ...outcome })
  }
  return results
}

async function registerDevice(parts: CloudParts, by: StoredOperatorKey, account: string, row: DeviceRow): Promise<Parsed<DeviceName>> {
  const id = parseDeviceId(row.id)
  if (!id.ok) return id
  const name = { account, device: id.value }
  const secret = secretBytes(row, name)
  if (!secret.ok) return secret
  const sealedSecret = seal(parts.masterKeys, ['flashed-secret', account, id.value], secret.value)
  const credentials = { ...NO_CREDENTIALS, flashed: 'good' } as const
  return parts.db.transaction().execute(async (db) => {
    const isNew = await insertDevice(db, { name, credentials, sealedSecret, runs: [] }, parts.nowMs())
    if (!isNew) return unparsed('a device with this id, perhaps in another case, exists already')
    const event = { event: 'registered', credentialId: { kind: 'flashed' }, detail: row.format } as const
    await appendAudit(db, parts.nowMs(), auditEntries(name, operatorPrincipal(by), [event]))
    return parsed(name)
  })
}

function secretBytes(row: DeviceRow, name: DeviceName): Parsed<Uint8Array> {
  switch (row.format) {
    case 'zks':
      return parseSecretText('zks_', row.secret)
    case 'opaque':
      // A text of ours that was declared opaque is a mistake, and a mistyped one would be stretched into a secret nobody has.
      if (looksLikeSecretText(row.secret)) return unparsed('an opaque secret does not look like zks_…; leave the format out')
      return row.secret === '' ? unparsed('the secret is empty') : parsed(stretchOpaqueSecret(row.secret, name))
    default:
      return unparsed('format is zks or opaque')
  }
}
