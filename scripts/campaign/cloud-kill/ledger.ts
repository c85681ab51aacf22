/** What the cloud's tables hold of every device, in the form in which the audit log must explain it. */
import type { Kysely } from 'kysely'
import { formatCredentialId } from '../../../agent/contract/names.ts'
import type { Tables } from '../../../cloud/store/tables.ts'
import { blankAccount, type DeviceAccount } from './audit-replay.ts'

/** Reads the tables; devices by `<account>/<device>`. Nobody writes meanwhile. */
export async function readLedger(db: Kysely<Tables>): Promise<Map<string, DeviceAccount>> {
  const ledger = new Map<string, DeviceAccount>()
  const accountOf = (account: string, device: string): DeviceAccount => {
    const name = `${account}/${device}`
    const found = ledger.get(name) ?? blankAccount()
    ledger.set(name, found)
    return found
  }
  for (const row of await db.selectFrom('device').selectAll().execute()) {
    const device = accountOf(row.account, row.id)
    const keyId = row.enrolled_by ?? ''
    device.temporary = row.temporary === 'none' ? { state: 'none' } : { state: row.temporary, keyId }
    device.flashed = row.flashed
    device.promotedMs = row.promoted_at
    device.frozenMs = row.frozen_at
  }
  for (const { account, device, secret_id: id, certificate, generation, state } of await db
    .selectFrom('issued_secret')
    .selectAll()
    .execute()) {
    const label =
      formatCredentialId(certificate === null ? { kind: 'issued', secretId: id } : { kind: 'certificate', fingerprint: id }) ?? ''
    accountOf(account, device).issued.set(label, { generation, state })
  }
  for (const { account, device, id } of await db.selectFrom('rotation_order').selectAll().where('closed_at', 'is', null).execute()) {
    accountOf(account, device).openOrder = id
  }
  return ledger
}

/** Where the log and the tables tell different stories. */
export function differences(log: ReadonlyMap<string, DeviceAccount>, tables: ReadonlyMap<string, DeviceAccount>): readonly string[] {
  const faults: string[] = []
  for (const name of new Set([...log.keys(), ...tables.keys()])) {
    const [told, held] = [log.get(name), tables.get(name)]
    if (told === undefined) faults.push(`${name} is in the tables, and the audit log does not tell how`)
    else if (held === undefined) faults.push(`${name} is in the audit log, and not in the tables`)
    else if (tell(told) !== tell(held)) faults.push(`${name}: the audit log explains ${tell(told)}, the tables hold ${tell(held)}`)
  }
  return faults
}

/** All that the tables know, in one line. Tokens leave no trace there. */
function tell({ temporary, flashed, issued, promotedMs, frozenMs, openOrder }: DeviceAccount): string {
  const credentials = [...issued].map(([label, { generation, state }]) => `${label} (${generation}) ${state}`).sort()
  const key = temporary.state === 'none' ? '' : ` by ${temporary.keyId}`
  return [
    `temporary ${temporary.state}${key}`,
    `flashed ${flashed}`,
    ...credentials,
    `promoted ${promotedMs}`,
    `frozen ${frozenMs}`,
    `order ${openOrder}`,
  ].join(', ')
}
