/** The chains of issued certificates: what a device is answered again, and whose key verifies it. */
import type { Database } from './tables.ts'

/** The chain (PEM, the device's own first) of the certificate with this fingerprint; whose it is and whether it is good is another question. */
export async function findChain(db: Database, fingerprint: string): Promise<string | null> {
  const row = await db.selectFrom('issued_secret').select('certificate').where('secret_id', '=', fingerprint).executeTakeFirst()
  return row?.certificate ?? null
}
