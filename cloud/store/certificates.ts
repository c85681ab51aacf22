/** Certificates of devices, issued or registered: whose each is, and its chain, which a device is answered again. */
import type { DeviceName } from '../../agent/contract/names.ts'
import type { Database } from './tables.ts'

/** The chain (PEM, the device's own first) of the certificate with this fingerprint; null also where only that is known. Whose it is and whether it is good is another question. */
export async function findChain(db: Database, fingerprint: string): Promise<string | null> {
  const row = await db.selectFrom('issued_secret').select('certificate').where('secret_id', '=', fingerprint).executeTakeFirst()
  return row?.certificate || null
}

/** The device that the certificate with this fingerprint belongs to; whether it is still good is another question. */
export async function findHolder(db: Database, fingerprint: string): Promise<DeviceName | null> {
  const query = db.selectFrom('issued_secret').select(['account', 'device']).where('secret_id', '=', fingerprint)
  return (await query.where('certificate', 'is not', null).executeTakeFirst()) ?? null
}
