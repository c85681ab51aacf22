import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../../agent/host/system-clock.ts'

/** A program for one test, made of a few lines of shell; `trace` holds what strace saw of it. */
function program(lines: string): { readonly path: string; readonly trace: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-date-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'date')
  writeFileSync(path, `#!/bin/sh\n${lines.replaceAll('TRACE', join(folder, 'trace'))}\n`)
  chmodSync(path, 0o755)
  return { path, trace: () => readFileSync(join(folder, 'trace'), 'utf8') }
}

/** A real date(1) without the right to set the clock, whose call for it is not made at all but answered like that. */
const traced = (date: string, answer: string): ReturnType<typeof program> =>
  program(
    'exec setpriv --bounding-set=-sys_time ' +
      `strace -f -o TRACE -e trace=clock_settime,settimeofday -e inject=clock_settime,settimeofday:${answer} ${date} "$@"`,
  )

describe.each(['/bin/date', '/bin/busybox date'])('%s', (date) => {
  test('is asked to set the clock to the second', async () => {
    const timeMs = Date.now()
    const { path, trace } = traced(date, 'retval=0')
    await createSystemClock({ program: path }).set(timeMs)
    expect(trace()).toMatch(new RegExp(`(clock_settime|settimeofday)\\(.*tv_sec=${Math.round(timeMs / 1000)}\\D.*INJECTED`))
  })

  test('that may not set the clock is told so', async () => {
    const { path } = traced(date, 'error=EPERM')
    await expect(createSystemClock({ program: path }).set(Date.UTC(2040, 0, 1))).rejects.toMatchObject({
      code: 'ERR_CLOCK_NOT_SET',
      message: expect.stringMatching(/not permitted/i),
    })
  })
})

describe('a date program', () => {
  test('that ends well without setting the clock is not believed', async () => {
    const { path } = program('exit 0')
    await expect(createSystemClock({ program: path }).set(Date.UTC(2040, 0, 1))).rejects.toMatchObject({ code: 'ERR_CLOCK_NOT_SET' })
  })

  test('that does not exist is told so', async () => {
    await expect(createSystemClock({ program: '/nowhere/date' }).set(Date.now())).rejects.toMatchObject({ code: 'ERR_CLOCK_NOT_SET' })
  })

  test('that hangs is ended', { timeout: 15_000 }, async () => {
    const { path } = program('exec sleep 60')
    const startedMs = performance.now()
    await expect(createSystemClock({ program: path }).set(Date.now())).rejects.toMatchObject({ code: 'ERR_CLOCK_NOT_SET' })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })

  test('sees of the environment what it needs and no more', async () => {
    process.env.ZIPKEY_TEST_ONLY = 'must not be seen'
    onTestFinished(() => void delete process.env.ZIPKEY_TEST_ONLY)
    const { path, trace } = program('env > TRACE')
    await createSystemClock({ program: path }).set(Date.now())
    expect(trace()).toContain('LC_ALL=C')
    expect(trace()).not.toContain('ZIPKEY_TEST_ONLY')
  })
})
