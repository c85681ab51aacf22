/**
 * The output folder of a batch. Devices are written in groups, and a group is there whole or not at all: files under temporary
 * names, everything synced, the names given, the group committed. Whatever is cut off when, opening the folder again finishes
 * or takes back the group that was under way, and no device that has a file is ever issued again.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { GrowingFile, syncFileSystem, syncFolder, writeWhole } from '../durable.ts'
import { InputError } from '../inputs.ts'
import { type DeviceLine, type LogState, type Prepared, readRunLog, type Started } from './run-log.ts'

/** A device's file and what the log says about it; `text` is null where it has none of its own. */
export type DeviceFile = { readonly id: string; readonly text: string | null; readonly credential: string }

/** What is written for one group: files of devices, and text for the files that grow, by name. */
export type Group = { readonly files: readonly DeviceFile[]; readonly appended: Readonly<Record<string, string>> }

/** The log's name. */
export const RUN_LOG = 'run-log.ndjson'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const WRITE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

/** Where a device's file is, and how it is called until its group is whole. */
export type FileNames = { readonly subfolder: string; readonly suffix: string }

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

  /** Writes a group. When it rejects, nothing of it is there. */
  async write(group: Group): Promise<void> {
    const lengths = this.#lengths()
    const logLength = this.#log.length
    try {
      const devices = group.files.map((file) => this.#writeUnfinished(file))
      for (const [name, text] of Object.entries(group.appended)) this.#growing.get(name)?.append(text)
      const lines = [...devices, { event: 'prepared', lengths: Object.fromEntries(this.#lengths()) }]
      this.#log.append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      await syncFileSystem(this.path)
      for (const { file } of devices) if (file !== null) renameSync(unfinished(this.path, file), join(this.path, file))
      syncFolder(join(this.path, this.#names.subfolder))
    } catch (error) {
      this.#takeBack(group, lengths, logLength)
      throw error
    }
    this.#log.append(`${JSON.stringify({ event: 'committed' })}\n`)
    this.#done += group.files.length
  }

  /** Says that all is done. */
  finish(): void {
    if (this.#isFinished) return
    this.#log.append(`${JSON.stringify({ event: 'finished', at: new Date().toISOString(), devices: this.#done })}\n`)
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

  #writeUnfinished({ id, text, credential }: DeviceFile): DeviceLine {
    if (text === null) return { id, file: null, sha256: null, credential }
    const file = `${this.#names.subfolder}/${id}${this.#names.suffix}`
    const bytes = Buffer.from(text, 'utf8')
    const fd = openSync(unfinished(this.path, file), WRITE_NEW, FILE_MODE)
    try {
      writeWhole(fd, bytes, null)
    } finally {
      closeSync(fd)
    }
    return { id, file, sha256: sha256(bytes), credential }
  }

  #takeBack({ files }: Group, lengths: ReadonlyMap<string, number>, logLength: number): void {
    for (const { id, text } of files) {
      if (text === null) continue
      const file = `${this.#names.subfolder}/${id}${this.#names.suffix}`
      // Where the names were being given, all files of the group are durable: the next run gives the rest.
      if (existsSync(join(this.path, file))) return
      removeIfThere(unfinished(this.path, file))
    }
    this.#log.cutTo(logLength)
    for (const [name, length] of lengths) this.#growing.get(name)?.cutTo(length)
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const unfinished = (folder: string, file: string): string => join(folder, file.replace(/([^/]+)$/, '.$1.new'))

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
  log.append(`${JSON.stringify(started)}\n`)
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
  for (const device of dangling.devices) giveName(path, device)
  syncFolder(join(path, names.subfolder))
  return finishGroup(path, state, dangling)
}

function finishGroup(path: string, state: LogState, { devices, lengths, logLength }: Prepared): LogState {
  const log = new GrowingFile(join(path, RUN_LOG), logLength)
  log.append(`${JSON.stringify({ event: 'committed' })}\n`)
  log.sync()
  log.close()
  return { ...state, done: state.done + devices.length, lengths, logLength: log.length, dangling: null }
}

function giveName(path: string, { file, sha256: wanted }: DeviceLine): void {
  if (file === null) return
  if (!existsSync(join(path, file))) renameSync(unfinished(path, file), join(path, file))
  if (sha256(readFileSync(join(path, file))) !== wanted)
    throw new InputError(`${join(path, file)}: is not as the run log says: something else changed it`)
}
