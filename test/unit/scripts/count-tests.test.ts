import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const program = (name: string): string => join(ROOT, 'node_modules', '.bin', name)

const FILES = {
  'good.test.ts': "test('works', () => {}); test('works twice', () => {})",
  'bad.test.ts': "test('breaks', () => { throw new Error('no') }); test('works', () => {})",
  'left-out.test.ts': "test.skip('is skipped', () => {}); test.todo('is to come'); test('works', () => {})",
  'unloadable.test.ts': "throw new Error('no')",
  'hook.test.ts': "describe('a group', () => { afterAll(() => { throw new Error('no') }); test('works', () => {}) })",
}

describe('the count of a vitest report', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-count-'))
  let lines: readonly string[] = []

  beforeAll(() => {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
    const report = join(folder, 'report.json')
    const run = spawnSync(program('vitest'), ['run', '--root', folder, '--globals', '--reporter=json', `--outputFile.json=${report}`], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(run.status).toBe(1)
    lines = execFileSync(program('tsx'), [join(ROOT, 'scripts', 'checks', 'count-tests.ts'), report], { cwd: folder, encoding: 'utf8' })
      .trimEnd()
      .split('\n')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('has every test that passed', () => {
    expect(lines[0]).toBe('passed 5')
  })

  it.each([
    ['a failed test, with what it said', 'failed bad.test.ts: breaks | Error: no'],
    ['a skipped test', 'failed left-out.test.ts: is skipped (skipped)'],
    ['a test that is only planned', 'failed left-out.test.ts: is to come (todo)'],
    ['a file that cannot be loaded', 'failed unloadable.test.ts: outside its tests'],
    ['a hook that failed', 'failed hook.test.ts: outside its tests'],
  ])('names %s as failed', (_, line) => {
    expect(lines).toContain(line)
  })

  it('names nothing else', () => {
    expect(lines).toHaveLength(6)
  })
})
