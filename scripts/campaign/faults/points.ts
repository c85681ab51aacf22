/** Which system calls there are to disturb, and how: read from the record of one undisturbed run, so that none is left out. */
import { basename } from 'node:path'

/** The n-th call of this name on the watched paths, and the name of the file that it was about. */
export type Point = { readonly syscall: string; readonly n: number; readonly file: string }

/** What may go wrong at a point. `lasting` is a disk that fails from there on; a short write takes the first bytes and no more. */
export type Trouble =
  | { readonly kind: 'error'; readonly errno: Errno; readonly lasting: boolean }
  | { readonly kind: 'kill' }
  | { readonly kind: 'short-write'; readonly thenFull: boolean }

/** The errors of a failing, a full and a read-only disk. */
export const ERRNOS = ['EIO', 'ENOSPC', 'EROFS'] as const

/** One of them. */
export type Errno = (typeof ERRNOS)[number]

/** One disturbance of one run. */
export type Fault = { readonly point: Point; readonly trouble: Trouble }

/** Whether the disk goes on failing. libuv tries again after a short write, and so would not tell of an error that comes once. */
export const isLasting = (trouble: Trouble): boolean =>
  (trouble.kind === 'error' && trouble.lasting) || (trouble.kind === 'short-write' && trouble.thenFull)

/** What a trouble is called in the table. */
export function troubleName(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'error':
      return trouble.lasting ? `${trouble.errno} from there on` : trouble.errno
    case 'kill':
      return 'kill -9'
    case 'short-write':
      return trouble.thenFull ? 'short, ENOSPC from there on' : 'short'
  }
}

/** What a fault is called, also by `--only`. */
export const faultName = ({ point, trouble }: Fault): string => `${point.syscall} ${point.n} of ${point.file}: ${troubleName(trouble)}`

/**
 * Reads strace's record. strace counts every name per thread: where one name came from two threads, `when=n` would strike twice, and
 * the second strike would never be seen alone.
 */
export function readPoints(record: string): readonly Point[] {
  const seen = new Map<string, { readonly thread: string; count: number }>()
  const points: Point[] = []
  for (const line of record.split('\n')) {
    const [, thread = '', syscall = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (syscall === '') continue
    const before = seen.get(syscall) ?? { thread, count: 0 }
    if (before.thread !== thread) throw new Error(`${syscall} is called from two threads: one point cannot be told from another`)
    seen.set(syscall, { thread, count: before.count + 1 })
    points.push({ syscall, n: before.count + 1, file: basename(pathIn(line)) })
  }
  return points
}

/** The first path that is an argument, or else that of the descriptor; a text that is written is neither. */
const pathIn = (line: string): string => /"(\/[^"]*)"/.exec(line)?.[1] ?? /\(\d+<([^>]*)>/.exec(line)?.[1] ?? ''

const TROUBLES: readonly Trouble[] = [
  ...ERRNOS.map((errno) => ({ kind: 'error', errno, lasting: false }) as const),
  { kind: 'error', errno: 'ENOSPC', lasting: true },
  { kind: 'kill' },
]

const SHORT: readonly Trouble[] = [
  { kind: 'short-write', thenFull: false },
  { kind: 'short-write', thenFull: true },
]

/** Every trouble at every point. */
export const everyFault = (points: readonly Point[]): readonly Fault[] =>
  points.flatMap((point) => [...TROUBLES, ...(point.syscall === 'write' ? SHORT : [])].map((trouble) => ({ point, trouble })))

/** Where a kill leaves the disk in another state than a kill just before. */
const CHANGES_THE_DISK = ['fsync', 'rename']

/** Each name of call once, with the errors in turn; the kill at each flush and rename; and the first short write on a full disk. */
export function fewFaults(points: readonly Point[]): readonly Fault[] {
  const names = [...new Set(points.map(({ syscall }) => syscall))]
  const errors = names.flatMap((syscall, at): readonly Fault[] => {
    const all = points.filter((point) => point.syscall === syscall)
    // The middle one: the first may come before there is anything to lose.
    const point = all[Math.floor(all.length / 2)]
    const errno = ERRNOS[at % ERRNOS.length] ?? 'EIO'
    return point === undefined ? [] : [{ point, trouble: { kind: 'error', errno, lasting: false } }]
  })
  const kills = points
    .filter(({ syscall }) => CHANGES_THE_DISK.includes(syscall))
    .map((point): Fault => ({ point, trouble: { kind: 'kill' } }))
  const short = points.filter(({ syscall, n }) => syscall === 'write' && n === 1)
  return [...errors, ...kills, ...short.map((point): Fault => ({ point, trouble: { kind: 'short-write', thenFull: true } }))]
}
