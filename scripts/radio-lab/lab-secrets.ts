import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildOnce } from './lab-folder.ts'

/** Id and secret by which the hotspot's FreeRADIUS authenticates itself to the cloud. */
export type AaaClient = { id: string; secret: string }

/** Secrets of one lab that are neither keys nor certificates. */
export type LabSecrets = { radiusSecret: string; passphrase: string; aaaClient: AaaClient }

/** Gives the lab's secrets, drawn the first time. */
export async function prepareSecrets(): Promise<LabSecrets> {
  const names = ['radius-secret', 'passphrase', 'aaa-client-secret'] as const
  const folder = await buildOnce('secrets', '3', async (unfinished) => {
    for (const name of names) writeFileSync(join(unfinished, name), randomBytes(32).toString('base64url'), { mode: 0o600 })
  })
  const [radiusSecret, passphrase, secret] = names.map((name) => readFileSync(join(folder, name), 'utf8')) as [string, string, string]
  return { radiusSecret, passphrase, aaaClient: { id: 'lab-hotspot', secret } }
}
