/** Ids from a list of the production line: CSV with a header, a column `id`, and whatever other columns labels and certificates use. */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { parse } from 'csv-parse'
import { parseDeviceId } from '../../../agent/contract/names.ts'
import { isObject } from '../../../agent/contract/parsed.ts'
import { type CellProblem, InputError } from '../inputs.ts'
import { type DeviceEntry, type DeviceIds, foldId } from './device-ids.ts'

const MAX_PROBLEMS = 20
const TAKEN_NAMES: readonly string[] = ['account', 'batch']
const DELIMITERS = [',', ';', '\t']
const BEGINNING_BYTES = 4096
const REPLACEMENT_CHARACTER = '\uFFFD'

/** Checks a whole list and gives its ids; an InputError holds a line for each of the first wrong cells, with row and column. */
export async function readIdList(file: string): Promise<DeviceIds> {
  const problems: CellProblem[] = []
  const seen = new Map<string, number>()
  const list = openList(file, (problem) => problems.push(problem))
  let columns: readonly string[] = []
  for await (const { row, header, cells } of list.rows()) {
    if (problems.length > MAX_PROBLEMS) break
    columns = header
    const problem = problemOf(header, cells) ?? problemOfId(cells[header.indexOf('id')] ?? '', row, seen)
    if (problem !== null) problems.push({ file, row, ...problem })
  }
  if (problems.length === 0 && seen.size === 0) throw new InputError(`${file}: row 2, column id: there is no device in this list`)
  if (problems.length > MAX_PROBLEMS)
    throw new InputError(...problems.slice(0, MAX_PROBLEMS), `${file}: there are more problems than these`)
  if (problems.length > 0) throw new InputError(...problems)
  const fingerprint = list.digest()
  return {
    total: seen.size,
    columns: columns.filter((name) => name !== 'id'),
    fingerprint,
    entries: (from, atOnce) => entriesOf(file, from, atOnce, fingerprint),
    holds: (id) => seen.has(foldId(id)),
  }
}

async function* entriesOf(file: string, from: number, atOnce: number, fingerprint: string): AsyncIterable<readonly DeviceEntry[]> {
  const list = openList(file, (problem) => {
    throw new InputError(problem)
  })
  let number = 0
  let entries: DeviceEntry[] = []
  for await (const { row, header, cells } of list.rows()) {
    if (number >= from) {
      const values = Object.fromEntries(header.map((name, index) => [name, cells[index] ?? '']))
      entries.push({ id: values.id ?? '', values, row, publicKey: null })
    }
    number += 1
    if (entries.length < atOnce) continue
    yield entries
    entries = []
  }
  if (entries.length > 0) yield entries
  if (list.digest() !== fingerprint) throw new InputError(`${file}: was changed while it was read: run the command again`)
}

type Row = { readonly row: number; readonly header: readonly string[]; readonly cells: readonly string[] }

/** Reads a list from its beginning; `digest` is for after its end. */
function openList(file: string, tell: (problem: CellProblem) => void) {
  const hash = createHash('sha256')
  async function* rows(): AsyncIterable<Row> {
    let header: readonly string[] | null = null
    try {
      for await (const { info, record } of recordsOf(file, hash)) {
        const problem = header === null ? problemOfHeader(record) : null
        if (problem !== null) return tell({ file, row: info.lines, ...problem })
        if (header === null) header = record
        else yield { row: info.lines, header, cells: record }
      }
    } catch (error) {
      if (!isCsvError(error)) throw error
      tell({
        file,
        row: error.lines,
        column: header?.[error.column] ?? String(error.column + 1),
        problem: 'a quote is open or stands amid the text',
      })
    }
  }
  return { rows, digest: () => hash.copy().digest('hex') }
}

type CsvRecord = { readonly info: { readonly lines: number }; readonly record: readonly string[] }

async function* recordsOf(file: string, hash: ReturnType<typeof createHash>): AsyncIterable<CsvRecord> {
  const delimiter = delimiterOf(file)
  const source = createReadStream(file)
  source.on('data', (part) => hash.update(part))
  const options = { bom: true, delimiter, info: true, relax_column_count: true, skip_empty_lines: true } as const
  const parser = parse(options)
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  for await (const each of parser) yield each as CsvRecord
}

/** Spreadsheets of half the world write semicolons: what stands most often in the header separates. */
function delimiterOf(file: string): string {
  const [header = ''] = beginningOf(file).split(/\r?\n/)
  const [best] = DELIMITERS.map((each) => ({ each, times: header.split(each).length })).sort((a, b) => b.times - a.times)
  return best?.each ?? ','
}

function beginningOf(file: string): string {
  const bytes = Buffer.alloc(BEGINNING_BYTES)
  try {
    const fd = openSync(file, 'r')
    const length = readSync(fd, bytes)
    closeSync(fd)
    return bytes.toString('utf8', 0, length)
  } catch (error) {
    throw new InputError(`${file}: cannot be read${error instanceof Error && 'code' in error ? ` (${error.code})` : ''}`)
  }
}

const isCsvError = (error: unknown): error is { readonly lines: number; readonly column: number } =>
  error instanceof Error && isObject(error) && String(error.code).startsWith('CSV_')

type Place = Pick<CellProblem, 'column' | 'problem'>

const WRONG_ENCODING = 'is not UTF-8: save the list as UTF-8'

function problemOfHeader(header: readonly string[]): Place | null {
  for (const [index, name] of header.entries()) {
    const column = String(index + 1)
    if (name.includes(REPLACEMENT_CHARACTER) || name.includes('\0')) return { column, problem: WRONG_ENCODING }
    if (name.trim() === '' || /[{}]/.test(name)) return { column, problem: 'a column has no name, or one with a brace' }
    if (header.indexOf(name) !== index) return { column: name, problem: 'this name stands in the header twice' }
    if (TAKEN_NAMES.includes(name)) return { column: name, problem: 'this name is taken: call the column otherwise' }
  }
  return header.includes('id') ? null : { column: 'id', problem: 'the header has no column id' }
}

function problemOf(header: readonly string[], cells: readonly string[]): Place | null {
  const missing = header[cells.length]
  if (missing !== undefined) return { column: missing, problem: `the row is short: ${cells.length} of ${header.length} cells` }
  if (cells.length > header.length) return { column: String(header.length + 1), problem: 'the row is longer than the header' }
  const wrong = cells.findIndex((cell) => cell.includes(REPLACEMENT_CHARACTER) || cell.includes('\0'))
  return wrong < 0 ? null : { column: header[wrong] ?? '', problem: WRONG_ENCODING }
}

function problemOfId(id: string, row: number, seen: Map<string, number>): Place | null {
  const good = parseDeviceId(id)
  if (!good.ok) return { column: 'id', problem: `${JSON.stringify(id)}: ${good.problem}` }
  const before = seen.get(foldId(id))
  if (before !== undefined)
    return { column: 'id', problem: `${JSON.stringify(id)} stands in row ${before} already, perhaps in another case` }
  seen.set(foldId(id), row)
  return null
}
