import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')

// The log writes to the file descriptor of stderr, so it is watched from outside.
const PROGRAM = `
import { AgentError } from '${ROOT}/agent/failure.ts'
import { createLog } from '${ROOT}/agent/log.ts'
import { Secret } from '${ROOT}/agent/credential/secret.ts'

const journal = process.argv[2] === 'journal'
const log = createLog('debug', { journal })
log.trace('too fine')
log.debug('first')
log.info({ text: '"level":60' }, '"level":60')
log.warn({ secret: 'plain-1', a: { password: 'plain-2', b: { privateKey: 'plain-3' } }, list: [{ passphrase: 'plain-4' }] }, 'fourth')
log.warn({ a: { b: { c: { d: [{ assertion: 'plain-8' }] } } }, none: null, when: new Date(0) }, 'deeper')
const loop = { secret: 'plain-9', self: {} }
loop.self = loop
log.warn(loop, 'loop')
log.error({ deep: { er: { and: { deeper: { credential: { secret: new Secret('plain-5') } } } } } }, 'fifth')
log.error(new AgentError('ERR_STORE_IO', 'disk full', { cause: new Error('plain-6') }))
log.fatal({ err: new AgentError('ERR_STORE_IO', 'disk full', { cause: new Error('plain-7') }) }, 'seventh')
process.kill(process.pid, 'SIGKILL')
`

describe('the log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-log-'))
  const linesOf = (mode: string): readonly string[] =>
    spawnSync(process.execPath, [join(folder, 'log.cjs'), mode], { encoding: 'utf8' })
      .stderr.trimEnd()
      .split('\n')

  beforeAll(() => {
    writeFileSync(join(folder, 'log.ts'), PROGRAM)
    execFileSync(join(ROOT, 'node_modules', '.bin', 'esbuild'), [
      join(folder, 'log.ts'),
      '--bundle',
      '--platform=node',
      '--format=cjs',
      `--outfile=${join(folder, 'log.cjs')}`,
      '--log-level=error',
    ])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it("begins each line with journald's priority, of the level and not of the text", () => {
    expect(linesOf('journal').map((line) => line.slice(0, 4))).toEqual(['<7>{', '<6>{', '<4>{', '<4>{', '<4>{', '<3>{', '<3>{', '<2>{'])
  })

  it('is plain JSON lines elsewhere, and has written all of them before the process is killed', () => {
    const lines = linesOf('plain').map((line): { level: number; msg: string } => JSON.parse(line))
    expect(lines.map(({ msg }) => msg)).toEqual(['first', '"level":60', 'fourth', 'deeper', 'loop', 'fifth', 'disk full', 'seventh'])
  })

  it('shows no secret, by whatever way it came, nor the cause of an error', () => {
    const text = linesOf('plain').join('\n')
    expect(text).not.toContain('plain-')
    const shown = linesOf('plain').map((line): unknown => JSON.parse(line))
    const s = '[secret]'
    expect(shown[2]).toMatchObject({ secret: s, a: { password: s, b: { privateKey: s } }, list: [{ passphrase: s }] })
    expect(shown[3]).toMatchObject({ a: { b: { c: { d: [{ assertion: s }] } } }, none: null, when: '1970-01-01T00:00:00.000Z' })
    expect(shown[5]).toMatchObject({ deep: { er: { and: { deeper: { credential: { secret: s } } } } } })
    expect(text).toContain('disk full')
  })
})
