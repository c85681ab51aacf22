/** What a person sees of a long run: a bar on a terminal, and nothing of it anywhere else. The terminal is script(1)'s. */
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtProgram } from '../../../scripts/story/programs.ts'
import { ProductionLine } from './production-line.ts'

/** Takes some three seconds on two cores that have nothing else to do. */
const MANY = 12_000
const PATIENCE_MS = 90_000

let at: ProductionLine
beforeAll(async () => {
  at = new ProductionLine(afterAll)
  await at.makeFactoryKey()
})

const batch = (out: string, count: number): readonly string[] =>
  at.batch(out, '--count', String(count), '--pattern', `${out}-{00001..}`, ...at.certificates)

/** Runs the program on a terminal; gives what that shows. */
const onTerminal = (parameters: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const command = [process.execPath, builtProgram('zipkey-factory'), ...parameters].map((word) => `'${word}'`).join(' ')
    const options = { cwd: at.folder, maxBuffer: 16 << 20, env: { ...process.env, TERM: 'xterm' } }
    execFile('script', ['--quiet', '--return', '--command', command, '/dev/null'], options, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    )
  })

describe('a run of more than a second', () => {
  it(
    'shows on a terminal how far it is and how long it takes, and then what it did; in a pipe only that',
    async () => {
      const [shown, piped] = await Promise.all([onTerminal(batch('long', MANY)), at.run(batch('piped', MANY))])
      const steps = [...shown.matchAll(/devices \[[=-]+\] (\d+) of 12000, \S+ left/g)].map(([, done]) => Number(done))
      expect(steps.length).toBeGreaterThan(1)
      expect(steps).toEqual([...steps].sort((one, other) => one - other))
      expect(shown.trimEnd()).toMatch(/long: batch \S+ with 12000 devices$/)
      expect(piped).toEqual({ code: 0, stderr: '', stdout: expect.stringMatching(/^\S+piped: batch \S+ with 12000 devices\n$/) })
    },
    PATIENCE_MS,
  )
})

describe('a short run', () => {
  it('shows no bar', async () => {
    expect(await onTerminal(batch('short', 3))).toMatch(/^\S+short: batch \S+ with 3 devices\s*$/)
  })
})
