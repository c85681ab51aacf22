import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CloudProgram, faultyProgram, soundProgram } from '../../scripts/campaign/cloud/cloud-program.ts'
import { runTiming } from '../../scripts/campaign/timing/campaign.ts'
import { SHORT_CUTS } from '../../scripts/campaign/timing/timing-faults.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const ROUNDS = 300

let folder: string

beforeEach(async () => {
  await mkdir(LAB_FOLDER, { recursive: true })
  folder = await mkdtemp(join(LAB_FOLDER, 'answer-times-'))
})

afterEach(() => rm(folder, { recursive: true }))

// A part of `npm run campaign:timing`: the questions that a short cut would answer.
async function faultsOf(program: CloudProgram, question: string): Promise<readonly (string | null)[]> {
  const findings = await runTiming({ program, folder, rounds: ROUNDS, only: question }, () => {})
  expect(findings).toHaveLength(1)
  return findings.map(({ fault }) => fault)
}

test.each(SHORT_CUTS)('who asks for $question learns nothing', { timeout: 90_000 }, async ({ question }) => {
  expect(await faultsOf(soundProgram(), question)).toEqual([null])
})

test.each(SHORT_CUTS)('a cloud that takes a short cut where one asks for $question is noticed', { timeout: 90_000 }, async (cut) => {
  expect(await faultsOf(await faultyProgram(folder, cut.faults), cut.question)).toEqual(['the times differ'])
})
