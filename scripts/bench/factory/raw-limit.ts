/**
 * What cannot be avoided: a key, a signature and a file of the same size for each device, as many bytes of manifests and log in a
 * file beside them, and the same syncs, in one thread.
 */
import { execFile } from 'node:child_process'
import { createECDH, type ECDH, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CERTIFICATE_BODY_BYTES = 450

/** How long the file of a device is, and what all manifests say about one. */
export type RawBytes = { readonly file: number; readonly manifests: number }

/** Makes so many devices in groups, and gives the time it took. */
export async function measureRawMs(folder: string, devices: number, inGroup: number, bytes: RawBytes): Promise<number> {
  mkdirSync(folder)
  const manifest = openSync(join(folder, 'manifest'), 'wx', 0o600)
  const ca = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pair = createECDH('prime256v1')
  const startedMs = performance.now()
  let syncing: Promise<readonly string[]> = Promise.resolve([])
  for (let from = 0; from < devices; from += inGroup) {
    const names = Array.from({ length: Math.min(inGroup, devices - from) }, (_, index) => `SN-${from + index}`)
    const files = names.map(() => makeOne(pair, ca, bytes.file))
    await giveNames(folder, await syncing)
    for (const [index, name] of names.entries()) writeOne(join(folder, `.${name}.new`), files[index] ?? Buffer.alloc(0))
    writeSync(manifest, Buffer.alloc(names.length * bytes.manifests, 'a'))
    syncing = run('sync', ['-f', folder]).then(() => names)
  }
  await giveNames(folder, await syncing)
  closeSync(manifest)
  return performance.now() - startedMs
}

function makeOne(pair: ECDH, ca: KeyObject, fileBytes: number): Buffer {
  const point = pair.generateKeys()
  const file = Buffer.alloc(fileBytes, 'a')
  pair.getPrivateKey().copy(file)
  const body = Buffer.alloc(CERTIFICATE_BODY_BYTES)
  point.copy(body)
  sign('sha256', body, ca).copy(file, 100)
  return file
}

function writeOne(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', 0o600)
  writeSync(fd, bytes)
  closeSync(fd)
}

function giveNames(folder: string, names: readonly string[]): void {
  for (const name of names) renameSync(join(folder, `.${name}.new`), join(folder, `${name}.json`))
  const fd = openSync(folder, 'r')
  fsyncSync(fd)
  closeSync(fd)
}

/** What a line without this program does: one openssl command per device. */
export function opensslCommand(folder: string, number: number): readonly string[] {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, `openssl-${number}.key`)]
  const signed = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key'), '-days', '3650']
  return ['req', '-x509', ...key, '-subj', `/CN=SN-${number}`, ...signed, '-out', join(folder, `openssl-${number}.pem`)]
}
