/** Rebuilds the states that power cuts during a recorded life could have left on the disks, and has each one opened and judged. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Lottery } from '../../lottery.ts'
import type { DiskRecording, DiskRecordings } from '../../radio-lab/disk-recording.ts'
import { type CrashState, drawCrashStates } from './crash-states.ts'
import { DiskImage, type Patch } from './disk-image.ts'
import { describeFound, readConfig, readState } from './found-state.ts'
import type { Judge, Owner } from './judge.ts'
import { type MountOutcome, whileMounted } from './mounted.ts'
import type { Moment, Timeline } from './timeline.ts'
import { type LogEntry, parseWriteLog } from './write-log.ts'

/** One life that was recorded. */
export type RecordedLife = {
  readonly title: string
  readonly owner: Owner
  readonly recordings: DiskRecordings
  readonly timeline: Timeline
}

/** How the states of a life are drawn. `disk` is `honest`, or one that takes a flush for granted and keeps nothing because of it. */
export type ReplayOptions = {
  readonly states: number
  readonly configStates: number
  readonly lottery: Lottery
  readonly disk: 'honest' | 'ignores-flushes'
  /** A folder for images and mounts; in memory it is faster. */
  readonly scratchFolder: string
  readonly judge: Judge
}

/** What came of it: how many states, how often each kind was found, and one line for each fault. */
export type ReplayResult = {
  readonly states: number
  readonly repaired: number
  readonly requests: number
  readonly kinds: ReadonlyMap<string, number>
  readonly faults: readonly string[]
}

/** A crash state on a mounted disk, and the moment of the cut that left it. */
type Visited = { readonly mountPoint: string; readonly state: CrashState; readonly moment: Moment }

const IMAGES_AT_ONCE = 16

/** Replays a life. */
export async function replay(life: RecordedLife, options: ReplayOptions): Promise<ReplayResult> {
  return new Replay(life, options).run()
}

class Replay {
  readonly #life: RecordedLife
  readonly #options: ReplayOptions
  readonly #kinds = new Map<string, number>()
  readonly #faults: string[] = []
  #repaired = 0

  constructor(life: RecordedLife, options: ReplayOptions) {
    this.#life = life
    this.#options = options
  }

  async run(): Promise<ReplayResult> {
    const { state, config } = this.#life.recordings
    const { states, configStates, disk } = this.#options
    const entries = { state: entriesOf(state, disk), config: entriesOf(config, disk) }
    const visited =
      (await this.#visitAll(state, entries.state, states, (each) => this.#lookAtState(each))) +
      (await this.#visitAll(config, entries.config, configStates, (each) => this.#lookAtConfig(each)))
    const requests = entries.state.length + entries.config.length
    return { states: visited, repaired: this.#repaired, requests, kinds: this.#kinds, faults: this.#faults }
  }

  async #lookAtState({ mountPoint, state, moment }: Visited): Promise<void> {
    const { owner, timeline } = this.#life
    const found = await readState(mountPoint, owner.name)
    this.#count(describeFound(found))
    for (const text of await this.#options.judge.atMoment(found, owner, timeline, moment)) this.#fault(state, text)
  }

  async #lookAtConfig({ mountPoint, state }: Visited): Promise<void> {
    const { flashed, holdsProvisioningKey } = await readConfig(mountPoint)
    this.#count(holdsProvisioningKey ? 'config with the provisioning key' : 'config with the derived secret')
    const expected = this.#life.owner.flashed.secret.reveal()
    const isSame = flashed.some(({ secret }) => Buffer.from(secret.reveal()).equals(expected))
    if (!isSame) this.#fault(state, 'the CA config gives another temporary secret')
  }

  async #visitAll(
    { baseFile }: DiskRecording,
    entries: readonly LogEntry[],
    count: number,
    look: (visited: Visited) => Promise<void>,
  ): Promise<number> {
    const drawn = drawCrashStates(entries, count, this.#options.lottery)
    const disk = new DurableDisk(new DiskImage(baseFile), entries)
    for (let at = 0; at < drawn.length; at += IMAGES_AT_ONCE) {
      await this.#visitSome(drawn.slice(at, at + IMAGES_AT_ONCE), entries, disk, look)
    }
    return drawn.length
  }

  async #visitSome(
    states: readonly CrashState[],
    entries: readonly LogEntry[],
    disk: DurableDisk,
    look: (visited: Visited) => Promise<void>,
  ): Promise<void> {
    const { scratchFolder } = this.#options
    const visits = states.map((state, index) => {
      const file = join(scratchFolder, `disk-${index}`)
      disk.advance(state.point)
      disk.writeTo(file, state)
      return { file, mountPoint: join(scratchFolder, `mount-${index}`), state, moment: momentOf(entries, state.point) }
    })
    try {
      await whileMounted(visits, scratchFolder, async (outcomes) => {
        for (const [index, visit] of visits.entries()) await this.#look(visit, outcomes[index], look)
      })
    } finally {
      for (const { file } of visits) rmSync(file, { force: true })
    }
  }

  async #look(visit: Visited, outcome: MountOutcome | undefined, look: (visited: Visited) => Promise<void>): Promise<void> {
    if (outcome === 'repaired') this.#repaired += 1
    try {
      if (outcome === 'unusable') throw new Error('the file system cannot be mounted, nor repaired')
      await look(visit)
    } catch (error) {
      this.#count('unreadable')
      this.#fault(visit.state, String(error))
    }
  }

  #count(kind: string): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1)
  }

  #fault(state: CrashState, text: string): void {
    this.#faults.push(`${this.#life.title}, after request ${state.point}, ${state.kept.length} un-flushed writes kept: ${text}`)
  }
}

const momentOf = (entries: readonly LogEntry[], point: number): Moment => ({
  endBytes: entries[point - 1]?.endBytes ?? 0,
  nextEndBytes: entries[point]?.endBytes ?? Number.POSITIVE_INFINITY,
})

function entriesOf({ logFile }: DiskRecording, disk: ReplayOptions['disk']): readonly LogEntry[] {
  const entries = parseWriteLog(readFileSync(logFile))
  switch (disk) {
    case 'honest':
      return entries
    case 'ignores-flushes':
      return entries.flatMap((entry) => (entry.kind === 'write' ? [{ ...entry, isDurable: false }] : []))
  }
}

/** The durable part of a disk, moving forward through its log. */
class DurableDisk {
  readonly #image: DiskImage
  readonly #entries: readonly LogEntry[]
  #pending: Patch[] = []
  #point = 0

  constructor(image: DiskImage, entries: readonly LogEntry[]) {
    this.#image = image
    this.#entries = entries
  }

  advance(point: number): void {
    for (; this.#point < point; this.#point++) {
      const entry = this.#entries[this.#point]
      if (entry?.kind === 'write' && entry.isDurable) this.#image.apply(entry)
      else if (entry?.kind === 'write') this.#pending.push(entry)
      else for (const patch of this.#pending.splice(0)) this.#image.apply(patch)
    }
  }

  writeTo(file: string, { kept }: CrashState): void {
    const patches = kept.flatMap(({ entry, bytes }) => {
      const write = this.#entries[entry]
      return write?.kind === 'write' ? [{ offset: write.offset, data: write.data.subarray(0, bytes) }] : []
    })
    this.#image.writeTo(file, patches)
  }
}
