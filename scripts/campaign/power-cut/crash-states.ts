/**
 * Which states a disk may be found in after the power was cut: everything up to some request, of which the last flush made a part
 * durable; of the rest any write may have reached the disk or not, whole or only its first sectors.
 */
import type { Lottery } from '../../lottery.ts'
import type { LogEntry } from './write-log.ts'

/** An un-flushed write that reached the disk, as far as that. */
export type KeptWrite = { readonly entry: number; readonly bytes: number }

/** The power was cut after the first `point` requests; of the un-flushed writes among them these reached the disk, in this order. */
export type CrashState = { readonly point: number; readonly kept: readonly KeptWrite[] }

const SECTOR_BYTES = 512
const DRAWS_PER_POINT = 4
const TORN_SHARE = 0.15
/** Between the two sectors of ext4's superblock: a small disk has no other copy of it, and no software could do anything about half of one. */
const INSIDE_SUPERBLOCK = 1536

/** For each crash point, which writes are not durable there: those since the last flush. */
export function unflushedAt(entries: readonly LogEntry[]): readonly (readonly number[])[] {
  const points: (readonly number[])[] = [[]]
  let pending: readonly number[] = []
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'flush') pending = []
    else if (!entry.isDurable) pending = [...pending, index]
    points.push(pending)
  }
  return points
}

/**
 * Draws `count` different crash states, spread over all points: first everything kept, then nothing, then by chance. The end of the
 * life is always among them: what was written last is seen in no other state. In order of their points.
 */
export function drawCrashStates(entries: readonly LogEntry[], count: number, lottery: Lottery): readonly CrashState[] {
  const points = unflushedAt(entries)
  const drawn = new Map<string, CrashState>()
  for (let round = 0, before = -1; drawn.size < count && (round < 3 || drawn.size > before); round++) {
    before = drawn.size
    for (const point of [points.length - 1, ...shuffled([...points.keys()].slice(0, -1), lottery)]) {
      for (let draw = 0; draw < DRAWS_PER_POINT && drawn.size < count; draw++) {
        const state = { point, kept: keep(entries, points[point] ?? [], round, lottery) }
        const key = JSON.stringify(state)
        if (drawn.has(key)) continue
        drawn.set(key, state)
        break
      }
    }
  }
  return [...drawn.values()].sort((a, b) => a.point - b.point)
}

function keep(entries: readonly LogEntry[], unflushed: readonly number[], round: number, lottery: Lottery): readonly KeptWrite[] {
  const whole = (index: number): KeptWrite => ({ entry: index, bytes: lengthOf(entries[index]) })
  if (round === 0) return unflushed.map(whole)
  if (round === 1) return []
  const share = 0.15 + 0.8 * lottery()
  return unflushed
    .filter(() => lottery() < share)
    .map((index) => (lottery() < TORN_SHARE ? torn(entries[index], whole(index), lottery) : whole(index)))
}

const lengthOf = (entry: LogEntry | undefined): number => (entry?.kind === 'write' ? entry.data.length : 0)

function torn(write: LogEntry | undefined, { entry, bytes }: KeptWrite, lottery: Lottery): KeptWrite {
  const kept = Math.ceil((lottery() * bytes) / SECTOR_BYTES) * SECTOR_BYTES
  const endsAt = (write?.kind === 'write' ? write.offset : 0) + kept
  return { entry, bytes: endsAt === INSIDE_SUPERBLOCK ? kept + SECTOR_BYTES : kept }
}

function shuffled(values: number[], lottery: Lottery): readonly number[] {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(lottery() * (last + 1))
    const [a = 0, b = 0] = [values[last], values[other]]
    values[last] = b
    values[other] = a
  }
  return values
}
