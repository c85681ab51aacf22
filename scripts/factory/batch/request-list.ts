/** Certificate requests in bulk: a folder of files named after their devices, or NDJSON with members `id` and `csr` (PEM, or DER in base64). */
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, parse } from 'node:path'
import { createInterface } from 'node:readline'
import { parseDeviceId } from '../../../agent/contract/names.ts'
import { isObject, type Parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { parseJson } from '../../../config/json.ts'
import { readRequestedKey } from '../certificate/certificate-request.ts'
import { InputError } from '../inputs.ts'
import { type DeviceEntry, type DeviceIds, foldId } from './device-ids.ts'

const MAX_PROBLEMS = 20
const EXTENSIONS: readonly string[] = ['.csr', '.req', '.pem', '.der', '.p10']

type Request = { readonly place: string; readonly row: number | null; readonly id: string; readonly csr: Parsed<Uint8Array> }

/** Reads and checks all of them: names, signatures, and that no two devices have one id or one key. */
export async function readRequests(path: string): Promise<DeviceIds> {
  const problems: string[] = []
  const entries: DeviceEntry[] = []
  const [ids, keys] = [new Map<string, string>(), new Map<string, string>()]
  const hash = createHash('sha256')
  for await (const { place, row, id, csr } of requestsIn(path)) {
    if (problems.length > MAX_PROBLEMS) break
    const key = csr.ok ? await readRequestedKey(csr.value) : csr
    const problem = problemOfId(id, place, ids) ?? (key.ok ? problemOfKey(key.value, place, keys) : key.problem)
    if (problem !== null) problems.push(`${place}: ${problem}`)
    if (problem === null && key.ok) entries.push({ id, values: {}, row, publicKey: key.value })
    if (key.ok) hash.update(`${id}\n`).update(key.value)
  }
  if (problems.length > MAX_PROBLEMS)
    throw new InputError(...problems.slice(0, MAX_PROBLEMS), `${path}: there are more problems than these`)
  if (problems.length > 0) throw new InputError(...problems)
  if (entries.length === 0) throw new InputError(`${path}: holds no certificate request`)
  return {
    total: entries.length,
    columns: [],
    fingerprint: hash.digest('hex'),
    async *entries(from, atOnce) {
      for (let start = from; start < entries.length; start += atOnce) yield entries.slice(start, start + atOnce)
    },
    holds: (id) => ids.has(foldId(id)),
  }
}

function problemOfId(id: string, place: string, seen: Map<string, string>): string | null {
  const good = parseDeviceId(id)
  if (!good.ok) return `${JSON.stringify(id)}: ${good.problem}`
  const before = seen.get(foldId(id))
  seen.set(foldId(id), place)
  return before === undefined ? null : `${JSON.stringify(id)} has a request in ${before} already, perhaps in another case`
}

function problemOfKey(publicKey: Uint8Array, place: string, seen: Map<string, string>): string | null {
  const key = Buffer.from(publicKey).toString('latin1')
  const before = seen.get(key)
  seen.set(key, place)
  return before === undefined ? null : `asks for the same key as ${before}: one of the two devices is a copy`
}

function requestsIn(path: string): AsyncIterable<Request> {
  try {
    return statSync(path).isDirectory() ? requestsInFolder(path) : requestsInFile(path)
  } catch {
    throw new InputError(`${path}: cannot be read`)
  }
}

async function* requestsInFolder(folder: string): AsyncIterable<Request> {
  const names = readdirSync(folder).filter((name) => EXTENSIONS.includes(parse(name).ext.toLowerCase()))
  for (const name of names.sort()) {
    const file = join(folder, name)
    yield { place: file, row: null, id: parse(name).name, csr: { ok: true, value: readFileSync(file) } }
  }
}

async function* requestsInFile(file: string): AsyncIterable<Request> {
  let row = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    row += 1
    if (line.trim() === '') continue
    const json = parseJson(line)
    const { id, csr } = json.ok && isObject(json.value) ? json.value : {}
    const place = `${file}: row ${row}`
    if (typeof id !== 'string' || typeof csr !== 'string') {
      yield { place, row, id: typeof id === 'string' ? id : '', csr: unparsed('expected {"id": "…", "csr": "…"}') }
    } else {
      const bytes = Buffer.from(csr, csr.includes('-----BEGIN') ? 'latin1' : 'base64')
      yield { place, row, id, csr: { ok: true, value: bytes } }
    }
  }
}
