/**
 * `npm run campaign:power-cut -- <n>`: cuts the power of a device n times on its way to its permanent secret, or with `--certificate` its
 * certificate, and replays thousands of other cuts.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { PermanentKind } from '../../agent/credential/credential.ts'
import { type CampaignResult, isGood, runCampaign } from './power-cut/campaign.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const USAGE =
  'usage: npm run campaign:power-cut -- <cuts> [--certificate] [--states <crash states to replay, 100 for each cut>] [--seed <number>]'

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const tally = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ')

type Numbers = { readonly cuts: number; readonly states: number; readonly seed: number }
type Request = Numbers & { readonly permanentCredential: PermanentKind }

function readArguments(): Request | null {
  try {
    const options = { states: { type: 'string' }, seed: { type: 'string' }, certificate: { type: 'boolean', default: false } } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const cuts = Number(positionals[0])
    const numbers: Numbers = { cuts, states: Number(values.states ?? 100 * cuts), seed: Number(values.seed ?? Date.now() % 1_000_000) }
    const areGood = positionals.length === 1 && Object.values(numbers).every((value) => Number.isSafeInteger(value) && value >= 0)
    return areGood ? { ...numbers, permanentCredential: values.certificate ? 'certificate' : 'secret' } : null
  } catch {
    return null
  }
}

function report(result: CampaignResult, { seed }: Request): void {
  say(`found after the real cuts: ${tally(result.kindsAtCuts)}`)
  say(`found in the replayed states: ${tally(result.kindsReplayed)}; ${result.repaired} file systems had to be repaired`)
  const control = `control: ${result.controlFaults} faults in ${result.controlStates} states of a disk that ignores flushes`
  say(`power-cut: ${result.cuts} real cuts, ${result.states} replayed states, ${result.faults.length} faults (${control}; seed ${seed})`)
}

async function main(): Promise<number> {
  const request = readArguments()
  if (request === null) {
    say(USAGE)
    return 64
  }
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      say(`${name}: ends with the device that is on its way`)
      interrupt.abort()
    })
  }
  const result = await runCampaign({ ...request, labFolder: LAB_FOLDER, say, signal: interrupt.signal })
  report(result, request)
  if (!isGood(result)) return 1
  return result.cuts === request.cuts ? 0 : 130
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
