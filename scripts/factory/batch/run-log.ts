/**
 * The run log of a batch, NDJSON: how the run began, a line for each device with checksums, and where each group of devices ends.
 * A group's lines and `prepared` are durable before its files get their names; `committed` follows when all have them. So the log
 * alone tells where a run was cut off, and what has to be finished or taken back.
 */
import { createReadStream, existsSync } from 'node:fs'
import { isObject } from '../../../agent/contract/parsed.ts'

/** What stations need to know about the labels of a batch. `qr` is the text of the code, in the pieces of a text with variables. */
export type LabelFacts = {
  readonly qr: readonly string[]
  readonly page: 'A4' | 'label'
  readonly widthMm: number
  readonly heightMm: number
}

/** The first line. `inputs` are digests of all that the batch is made from: with others, it would be another batch. */
export type Started = {
  readonly event: 'started'
  readonly at: string
  readonly account: string
  readonly batch: string
  readonly devices: number
  readonly credential: 'certificate' | 'shared-secret' | 'provisioning-key'
  readonly form: 'each' | 'golden'
  readonly labels: LabelFacts | null
  readonly inputs: Readonly<Record<string, string>>
}

/** One device: its file, where it has one, and what its credential is known by. */
export type DeviceLine = {
  readonly id: string
  readonly file: string | null
  /** SHA-256 of the file, in hex. */
  readonly sha256: string | null
  /** SHA-256 of the credential in base32: of a certificate's DER, of a secret's bytes. */
  readonly credential: string
}

/** A device's line. Nothing in it needs escaping; JSON.stringify would take three times as long. */
export const formatDeviceLine = ({ id, file, sha256, credential }: DeviceLine): string =>
  file === null
    ? `{"id":"${id}","file":null,"sha256":null,"credential":"${credential}"}\n`
    : `{"id":"${id}","file":"${file}","sha256":"${sha256}","credential":"${credential}"}\n`

/** The lengths of the files that grow, by name. */
export type Lengths = Readonly<Record<string, number>>

/** A group that was prepared, and perhaps not finished. */
export type Prepared = { readonly devices: readonly DeviceLine[]; readonly lengths: Lengths; readonly logLength: number }

/** What a log says. */
export type LogState = {
  readonly started: Started
  /** Devices in committed groups. */
  readonly done: number
  readonly lengths: Lengths
  readonly logLength: number
  readonly dangling: Prepared | null
  readonly isFinished: boolean
}

/** Reads a log; null where there is none, or one that was cut off in its first line. A torn last line does not count. */
export async function readRunLog(file: string): Promise<LogState | null> {
  if (!existsSync(file)) return null
  let state: LogState | null = null
  let devices: DeviceLine[] = []
  for await (const { value, end } of linesOf(file)) {
    const after: LogState | null = state === null ? beginning(value, end) : next(state, value, end, devices)
    if (after === null) break
    if (after === state) devices.push(value as DeviceLine)
    else devices = []
    state = after
  }
  return state
}

const beginning = (value: Line['value'], end: number): LogState | null =>
  value.event === 'started' ? { started: value as Started, done: 0, lengths: {}, logLength: end, dangling: null, isFinished: false } : null

/** The state after a line; the same one after a device's. */
function next(state: LogState, value: Line['value'], end: number, devices: readonly DeviceLine[]): LogState {
  if (value.event === 'prepared') return { ...state, dangling: { devices, lengths: value.lengths as Lengths, logLength: end } }
  if (value.event === 'committed' && state.dangling !== null) return { ...state, ...committed(state.done, state.dangling, end) }
  return value.event === 'finished' ? { ...state, isFinished: true, lengths: value.lengths as Lengths, logLength: end } : state
}

const committed = (done: number, { devices, lengths }: Prepared, end: number) => ({
  done: done + devices.length,
  lengths,
  logLength: end,
  dangling: null,
})

/** Every device of committed groups, in order. */
export async function* devicesOf(file: string): AsyncIterable<DeviceLine> {
  let group: DeviceLine[] = []
  for await (const { value } of linesOf(file)) {
    if (value.event === 'committed') {
      yield* group
      group = []
    } else if (!('event' in value)) {
      group.push(value as DeviceLine)
    }
  }
}

type Line = { readonly value: Readonly<Record<string, unknown>>; readonly end: number }

async function* linesOf(file: string): AsyncIterable<Line> {
  let rest = Buffer.alloc(0)
  let end = 0
  for await (const part of createReadStream(file)) {
    const bytes = Buffer.concat([rest, part as Buffer])
    let start = 0
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, start)) {
      end += newline + 1 - start
      const value = parseLine(bytes.toString('utf8', start, newline))
      if (value === null) return
      yield { value, end }
      start = newline + 1
    }
    rest = bytes.subarray(start)
  }
}

/** A line that is no JSON is one that a power cut left full of zeros. */
function parseLine(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
