/**
 * `npm run campaign:timing`: whether somebody without a credential can find out, by the answer or by the time that it takes, which
 * accounts, keys, devices and secrets exist. Each question is asked thousands of times in random order, and told apart by ranks.
 *
 *   -- --rounds <n>    how often each question is asked each way (2000)
 *   -- --only <text>   only questions with this text
 *   -- --faulty        lets the cloud take short cuts instead, and says whether the campaign notices
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { faultyProgram, soundProgram } from './cloud/cloud-program.ts'
import { type Finding, runTiming } from './timing/campaign.ts'
import { SHORT_CUTS } from './timing/timing-faults.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(LAB_FOLDER, { recursive: true })
  const folder = await mkdtemp(join(LAB_FOLDER, 'timing-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function tell({ question, larger, knownMs, unknownMs, fault }: Finding): void {
  const times = `known ${knownMs.toFixed(3)} ms, unknown ${unknownMs.toFixed(3)} ms (medians), told apart ${(100 * larger).toFixed(1)} %`
  say(`${fault === null ? 'ok    ' : 'FAILED'}  ${question}: ${times}${fault === null ? '' : `: ${fault}`}`)
}

async function faulty(rounds: number): Promise<boolean> {
  let noticed = 0
  for (const { question, faults } of SHORT_CUTS) {
    const findings = await inFolder(async (folder) => {
      const program = await faultyProgram(folder, faults)
      return runTiming({ program, folder, rounds, only: question }, tell)
    })
    noticed += findings.some(({ fault }) => fault !== null) ? 1 : 0
  }
  say(`${noticed} of ${SHORT_CUTS.length} short cuts noticed`)
  return noticed === SHORT_CUTS.length
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '2000' },
      only: { type: 'string', default: '' },
      faulty: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (values.faulty) return (await faulty(rounds)) ? 0 : 1
  const findings = await inFolder((folder) => runTiming({ program: soundProgram(), folder, rounds, only: values.only }, tell))
  return findings.length > 0 && findings.every(({ fault }) => fault === null) ? 0 : 1
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
