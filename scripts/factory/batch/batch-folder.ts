/**
 * The output folder of a batch. Devices are written in groups, and a group is there whole or not at all: files under temporary
 * names, everything synced, the names given, the group committed. Whatever is cut off when, opening the folder again finishes
 * or takes back the group that was under way, and no device that has a file is ever issued again.
 */
import { hash } from 'node:crypto'
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { GrowingFile, syncFileSystem, syncFolder, writeWhole } from '../durable.ts'
import { InputError } from '../inputs.ts'
import { CHECKSUMS } from './checksums.ts'
import { type DeviceLine, type LogState, type Prepared, readRunLog, type Started } from './run-log.ts'

/** A device's own file, null where it has none, and what its credential is known by. */
export type DeviceFile = { readonly id: string; readonly file: Uint8Array | null; readonly credential: string }

/** A group whose files are written, under temporary names: the log's lines about it, and what is added to the files that grow, by name. */
export type Group = {
  readonly ids: readonly string[]
  readonly log: Uint8Array
  readonly appended: Readonly<Record<string, Uint8Array>>
}

/** The log's name. */
export const RUN_LOG = 'run-log.ndjson'

/** The name of the one config that all devices share. */
export const GOLDEN_CONFIG = 'golden.json'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const WRITE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

/** Where devices' files are and what comes after the id in their names; whether devices have files of their own. */
export type FileNames = { readonly subfolder: string; readonly suffix: string; readonly hasFiles: boolean }

/** An open output folder. */
export class BatchFolder {
  readonly path: string
  readonly started: Started
  readonly #names: FileNames
  readonly #log: GrowingFile
  readonly #growing: ReadonlyMap<string, GrowingFile>
  #done: number
  #isFinished: boolean

  private constructor(path: string, names: FileNames, growing: readonly string[], state: LogState) {
    this.path = path
    this.started = state.started
    this.#names = names
    this.#log = new GrowingFile(join(path, RUN_LOG), state.logLength)
    this.#growing = new Map(growing.map((name) => [name, new GrowingFile(join(path, name), state.lengths[name] ?? 0)]))
    this.#done = state.done
    this.#isFinished = state.isFinished
  }

  /** Opens a new folder or one that a run was cut off in; `wanted` is what would be done in a new one. */
  static async open(path: string, names: FileNames, growing: readonly string[], wanted: Started): Promise<BatchFolder> {
    mkdirSync(join(path, names.subfolder), { recursive: true, mode: FOLDER_MODE })
    const state = (await readRunLog(join(path, RUN_LOG))) ?? begin(path, wanted)
    refuseOtherInputs(path, state.started, wanted)
    const settled = state.isFinished ? state : settle(path, names, state)
    return new BatchFolder(path, names, growing, settled)
  }

  /** Devices that are done. */
  get done(): number {
    return this.#done
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Writes a device's file under its temporary name, and gives what the log will say about it. */
  stage({ id, file, credential }: DeviceFile): DeviceLine {
    if (file === null) return { id, file: null, sha256: null, credential }
    const fd = openSync(this.#unfinished(id), WRITE_NEW, FILE_MODE)
    try {
      writeWhole(fd, file, null)
    } finally {
      closeSync(fd)
    }
    return { id, file: fileName(this.#names, id), sha256: hash('sha256', file, 'hex'), credential }
  }

  /** Makes a group part of the batch. When it rejects, nothing of it is. */
  async commit({ ids, log, appended }: Group): Promise<void> {
    const lengths = this.#lengths()
    const logLength = this.#log.length
    try {
      for (const [name, bytes] of Object.entries(appended)) this.#growing.get(name)?.append(bytes)
      this.#log.append(log)
      this.#log.append(line({ event: 'prepared', lengths: Object.fromEntries(this.#lengths()) }))
      await syncFileSystem(this.path)
      if (this.#names.hasFiles) for (const id of ids) renameSync(this.#unfinished(id), `${this.path}/${fileName(this.#names, id)}`)
      syncFolder(join(this.path, this.#names.subfolder))
    } catch (error) {
      this.#takeBack(ids, lengths, logLength)
      throw error
    }
    this.#log.append(line({ event: 'committed' }))
    this.#done += ids.length
  }

  /** Removes files that were staged and will not be committed. */
  discard(ids: readonly string[]): void {
    for (const id of ids) removeIfThere(this.#unfinished(id))
  }

  /** Says that all is done; `sums` are the last lines of the checksums. */
  finish(sums: string): void {
    this.#growing.get(CHECKSUMS)?.append(Buffer.from(sums, 'utf8'))
    this.#growing.get(CHECKSUMS)?.sync()
    this.#log.append(line({ event: 'finished', at: new Date().toISOString(), lengths: Object.fromEntries(this.#lengths()) }))
    this.#log.sync()
    syncFolder(this.path)
    this.#isFinished = true
  }

  close(): void {
    this.#log.close()
    for (const file of this.#growing.values()) file.close()
  }

  #lengths(): ReadonlyMap<string, number> {
    return new Map([...this.#growing].map(([name, file]) => [name, file.length]))
  }

  #unfinished(id: string): string {
    return `${this.path}/${unfinishedName(this.#names, id)}`
  }

  #takeBack(ids: readonly string[], lengths: ReadonlyMap<string, number>, logLength: number): void {
    // Where names were being given, all files of the group are durable: the next run gives the rest.
    if (ids.some((id) => existsSync(join(this.path, fileName(this.#names, id))))) return
    this.discard(ids)
    this.#log.cutTo(logLength)
    for (const [name, length] of lengths) this.#growing.get(name)?.cutTo(length)
  }
}

const line = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`, 'utf8')

const fileName = ({ subfolder, suffix }: FileNames, id: string): string => `${subfolder}/${id}${suffix}`
const unfinishedName = ({ subfolder, suffix }: FileNames, id: string): string => `${subfolder}/.${id}${suffix}.new`

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function begin(path: string, started: Started): LogState {
  const foreign = readdirSync(path).filter((name) => name !== RUN_LOG && readdirIfFolder(join(path, name)).length !== 0)
  if (foreign.length > 0) throw new InputError(`${path}: holds ${foreign[0]}, and no run log: take an empty or a new folder`)
  const log = new GrowingFile(join(path, RUN_LOG), 0)
  log.append(line(started))
  log.sync()
  log.close()
  syncFolder(path)
  return { started, done: 0, lengths: {}, logLength: log.length, dangling: null, isFinished: false }
}

/** The names in a folder; a file counts as one. */
function readdirIfFolder(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return [path]
  }
}

function refuseOtherInputs(path: string, was: Started, wanted: Started): void {
  const names = [...new Set([...Object.keys(was.inputs), ...Object.keys(wanted.inputs)])].filter(
    (name) => was.inputs[name] !== wanted.inputs[name],
  )
  if (names.length > 0)
    throw new InputError(`${path}: holds a run with other inputs (${names.join(', ')}): take another folder, or the same inputs`)
}

/** Finishes a group whose files were being given their names, and takes back one that had not come so far. */
function settle(path: string, names: FileNames, state: LogState): LogState {
  const { dangling } = state
  if (dangling === null || !dangling.devices.some(({ file }) => file !== null && existsSync(join(path, file)))) {
    for (const name of readdirSync(join(path, names.subfolder))) if (/^\..*\.new$/.test(name)) unlinkSync(join(path, names.subfolder, name))
    return { ...state, dangling: null }
  }
  for (const device of dangling.devices) giveName(path, names, device)
  syncFolder(join(path, names.subfolder))
  return finishGroup(path, state, dangling)
}

function finishGroup(path: string, state: LogState, { devices, lengths, logLength }: Prepared): LogState {
  const log = new GrowingFile(join(path, RUN_LOG), logLength)
  log.append(line({ event: 'committed' }))
  log.sync()
  log.close()
  return { ...state, done: state.done + devices.length, lengths, logLength: log.length, dangling: null }
}

function giveName(path: string, names: FileNames, { id, file, sha256: wanted }: DeviceLine): void {
  if (file === null) return
  if (!existsSync(join(path, file))) renameSync(join(path, unfinishedName(names, id)), join(path, file))
  if (hash('sha256', readFileSync(join(path, file)), 'hex') !== wanted)
    throw new InputError(`${join(path, file)}: is not as the run log says: something else changed it`)
}
