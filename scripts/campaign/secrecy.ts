/**
 * `npm run campaign:secrecy -- [<runs>]`: listens to a device on every channel that others have, through enrolment, rotation, restart
 * and aborts, and searches what was heard for every secret in every form. Ends with 0 only if none is found and every decoy is.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareLab } from '../radio-lab/prepare-lab.ts'
import { isClean, searchOneLife } from './secrecy/campaign.ts'
import { reportOf } from './secrecy/report.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<number> {
  const runs = Number(process.argv[2] ?? 1)
  if (!Number.isSafeInteger(runs) || runs < 1) {
    say('usage: npm run campaign:secrecy -- [<runs>]')
    return 2
  }
  await mkdir(LAB_FOLDER, { recursive: true })
  let clean = 0
  for (let run = 1; run <= runs; run += 1) {
    const image = await prepareLab({ log: say })
    const verdict = await searchOneLife({ image, parentFolder: LAB_FOLDER, say: (line) => say(`run ${run}: ${line}`) })
    for (const line of reportOf(verdict)) say(line)
    if (isClean(verdict)) clean += 1
  }
  say(`${clean} of ${runs} runs were clean`)
  return clean === runs ? 0 : 1
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
