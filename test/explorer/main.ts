/** `npm run campaign:explore -- [depth]`: explores every scenario to that many disturbances, and prints the states that were visited. */
import { explore, type Report } from './explore.ts'
import { product } from './product.ts'
import { SCENARIOS } from './scenarios.ts'

const USAGE = 'usage: npm run campaign:explore -- [disturbances, by default what continuous integration has time for]'

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function tell({ scenario, depth, states, steps, complete, violation }: Report, startedMs: number): void {
  const all = complete ? '; there are no others at any depth' : ''
  say(`${scenario}: depth ${depth}: ${states} states, ${steps} steps, ${((Date.now() - startedMs) / 1000).toFixed(1)} s${all}`)
  if (violation === null) return
  say(`VIOLATED ${violation.property}: ${violation.detail}`)
  for (const step of violation.story) say(`    ${step}`)
}

async function main([text, ...rest]: readonly string[]): Promise<number> {
  const asked = text === undefined ? null : Number(text)
  if (rest.length > 0 || (asked !== null && !(Number.isSafeInteger(asked) && asked >= 0))) {
    say(USAGE)
    return 64
  }
  let [states, violations] = [0, 0]
  for (const { scenario, depth } of SCENARIOS) {
    const startedMs = Date.now()
    const report = await explore(product, scenario, asked ?? depth, (level) => tell(level, startedMs))
    states += report.states
    if (report.violation !== null) violations += 1
  }
  say(`explorer: ${states} states visited in ${SCENARIOS.length} scenarios, ${violations} violations`)
  return violations === 0 ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
