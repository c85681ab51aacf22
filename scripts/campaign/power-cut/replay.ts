/** Rebuilds the states that power cuts during a recorded life could have left on the disks, and has each one opened and judged. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DiskRecording, DiskRecordings } from '../../radio-lab/disk-recording.ts'
import { type CrashState, drawCrashStates } from './crash-states.ts'
import { DiskImage, type Patch } from './disk-image.ts'
import { describeFound, readConfigDisk, readStateDisk } from './found-state.ts'
import type { Judge, Owner } from './judge.ts'
import type { Lottery } from './lottery.ts'
import type { Timeline } from './timeline.ts'
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

type Visit = (image: string, at: { readonly state: CrashState; readonly endBytes: number; readonly nextEndBytes: number }) => Promise<void>

/** Replays a life. */
export async function replay(life: RecordedLife, options: ReplayOptions): Promise<ReplayResult> {
  const mountPoint = join(options.scratchFolder, 'mount')
  const kinds = new Map<string, number>()
  const faults: string[] = []
  const count = (kind: string) => kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  const fault = (state: CrashState, text: string) =>
    faults.push(`${life.title}, after request ${state.point}, ${state.kept.length} un-flushed writes kept: ${text}`)
  let repaired = 0

  const stateEntries = entriesOf(life.recordings.state, options.disk)
  const states = await visitCrashStates(
    life.recordings.state,
    stateEntries,
    options.states,
    options,
    async (image, { state, ...moment }) => {
      try {
        const found = await readStateDisk(image, mountPoint, life.owner.name)
        if (found.mounted === 'repaired') repaired += 1
        count(describeFound(found))
        for (const text of await options.judge.atMoment(found, life.owner, life.timeline, moment)) fault(state, text)
      } catch (error) {
        count('unreadable')
        fault(state, String(error))
      }
    },
  )
  const configEntries = entriesOf(life.recordings.config, options.disk)
  const configs = await visitCrashStates(life.recordings.config, configEntries, options.configStates, options, async (image, { state }) => {
    try {
      const { flashed, holdsProvisioningKey } = await readConfigDisk(image, mountPoint)
      count(holdsProvisioningKey ? 'config with the provisioning key' : 'config with the derived secret')
      const same = flashed.some(({ secret }) => Buffer.from(secret.reveal()).equals(life.owner.flashed.secret.reveal()))
      if (!same) fault(state, 'the CA config gives another temporary secret')
    } catch (error) {
      count('unreadable config')
      fault(state, `the CA config: ${String(error)}`)
    }
  })
  return { states: states + configs, repaired, requests: stateEntries.length + configEntries.length, kinds, faults }
}

function entriesOf({ logFile }: DiskRecording, disk: ReplayOptions['disk']): readonly LogEntry[] {
  const entries = parseWriteLog(readFileSync(logFile))
  switch (disk) {
    case 'honest':
      return entries
    case 'ignores-flushes':
      return entries.flatMap((entry) => (entry.kind === 'write' ? [{ ...entry, isDurable: false }] : []))
  }
}

async function visitCrashStates(
  { baseFile }: DiskRecording,
  entries: readonly LogEntry[],
  count: number,
  { lottery, scratchFolder }: ReplayOptions,
  visit: Visit,
): Promise<number> {
  const drawn = drawCrashStates(entries, count, lottery)
  const disk = new DurableDisk(new DiskImage(baseFile), entries)
  const image = join(scratchFolder, 'disk')
  for (const state of drawn) {
    disk.advance(state.point)
    try {
      disk.writeTo(image, state)
      const endBytes = entries[state.point - 1]?.endBytes ?? 0
      await visit(image, { state, endBytes, nextEndBytes: entries[state.point]?.endBytes ?? Number.POSITIVE_INFINITY })
    } finally {
      rmSync(image, { force: true })
    }
  }
  return drawn.length
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
