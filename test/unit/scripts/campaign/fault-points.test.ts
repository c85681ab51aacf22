import { describe, expect, it } from 'vitest'
import { everyFault, faultName, fewFaults, readPoints } from '../../../../scripts/campaign/faults/points.ts'
import { disturbing } from '../../../../scripts/campaign/faults/strace.ts'

const RECORD = [
  '7  mkdir("/state", 0700) = 0',
  '7  openat(AT_FDCWD, "/state/.nonce.tmp", O_WRONLY|O_CREAT, 0600) = 25</state/.nonce.tmp>',
  '7  write(25</state/.nonce.tmp>, "{\\"format\\":1"..., 179 <unfinished ...>',
  '9  flock(3</state>, LOCK_EX|LOCK_NB) = 0',
  '7  <... write resumed>) = 179',
  '7  fsync(25</state/.nonce.tmp>)    = 0',
  '7  rename("/state/.nonce.tmp", "/state/nonce") = 0',
  '7  fsync(18</state>)    = 0',
  '7  write(19</state/.pending.json.tmp>, "…", 9) = 9',
  '9  +++ exited with 0 +++',
].join('\n')

describe('the points of a recorded run', () => {
  it('are all its calls, each counted under its own name', () => {
    const names = readPoints(RECORD).map(({ syscall, n, file }) => `${syscall} ${n} of ${file}`)
    expect(names).toEqual([
      ...['mkdir 1 of state', 'openat 1 of .nonce.tmp', 'write 1 of .nonce.tmp', 'flock 1 of state', 'fsync 1 of .nonce.tmp'],
      ...['rename 1 of .nonce.tmp', 'fsync 2 of state', 'write 2 of .pending.json.tmp'],
    ])
  })

  it('are refused where one name came from two threads, since strace counts per thread', () => {
    expect(() => readPoints(`${RECORD}\n9  openat(AT_FDCWD, "/state", O_RDONLY) = 3</state>`)).toThrow(/openat is called from two threads/)
  })
})

describe('the faults', () => {
  it('are every trouble at every point', () => {
    const faults = everyFault(readPoints(RECORD))
    expect(faults).toHaveLength(8 * 5 + 2 * 2)
    expect(new Set(faults.map(faultName)).size).toBe(faults.length)
    for (const trouble of ['EIO', 'ENOSPC', 'EROFS', 'ENOSPC from there on', 'kill -9']) {
      expect(faults.map(faultName)).toContain(`rename 1 of .nonce.tmp: ${trouble}`)
    }
    expect(faults.map(faultName)).toContain('write 2 of .pending.json.tmp: short, ENOSPC from there on')
  })

  it('are, when there is little time, each name of call once and the kill at each flush and rename', () => {
    const names = fewFaults(readPoints(RECORD)).map(faultName)
    expect(names).toEqual([
      ...['mkdir 1 of state: EIO', 'openat 1 of .nonce.tmp: ENOSPC', 'write 2 of .pending.json.tmp: EROFS', 'flock 1 of state: EIO'],
      ...['fsync 2 of state: ENOSPC', 'rename 1 of .nonce.tmp: EROFS'],
      ...['fsync 1 of .nonce.tmp: kill -9', 'rename 1 of .nonce.tmp: kill -9', 'fsync 2 of state: kill -9'],
      'write 1 of .nonce.tmp: short, ENOSPC from there on',
    ])
  })

  it.each([
    [{ kind: 'error', errno: 'EIO', lasting: false } as const, 'inject=write:error=EIO:when=2'],
    [{ kind: 'error', errno: 'ENOSPC', lasting: true } as const, 'inject=write:error=ENOSPC:when=2+'],
    [{ kind: 'kill' } as const, 'inject=write:signal=KILL:when=2'],
    [{ kind: 'short-write', thenFull: true } as const, 'inject=write:error=ENOSPC:when=3+'],
  ])('are asked of strace: %o', (trouble, expected) => {
    const command = disturbing('/trace', ['/state'], { point: { syscall: 'write', n: 2, file: 'nonce' }, trouble })
    expect(command).toContain(expected)
    // With it strace 6.1 does not deliver the signal.
    expect(command.includes('--seccomp-bpf')).toBe(trouble.kind !== 'kill')
  })
})
