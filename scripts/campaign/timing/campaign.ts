/** The campaign: each question is asked both ways in random order, many times, and the two samples must not be told apart. */
import type { CloudProgram } from '../cloud/cloud-program.ts'
import { openSite } from '../cloud/site.ts'
import { type Answer, type Asker, withAsker } from './asker.ts'
import { prepareQuestions, type Question } from './questions.ts'
import { howOftenLarger, median, tooFar } from './rank.ts'

/** What was found out about one question. */
export type Finding = {
  readonly question: string
  /** How often what is known took longer than what is not. */
  readonly larger: number
  readonly knownMs: number
  readonly unknownMs: number
  /** Null where the two cannot be told apart. */
  readonly fault: string | null
}

/** How much of it; `only` is part of a question's name. */
export type Plan = { readonly program: CloudProgram; readonly folder: string; readonly rounds: number; readonly only: string }

const WARM_UP_ROUNDS = 100

/** Asks every question; each finding is told as it comes. */
export async function runTiming(plan: Plan, tell: (finding: Finding) => void): Promise<readonly Finding[]> {
  const site = await openSite(plan.folder, 'sqlite', plan.program)
  try {
    return await withAsker(site, async (ask) => {
      const findings: Finding[] = []
      const questions = await prepareQuestions(site, ask)
      for (const question of questions.filter(({ name }) => name.includes(plan.only))) {
        await sample(ask, question, WARM_UP_ROUNDS)
        const finding = judge(question.name, await sample(ask, question, plan.rounds))
        findings.push(finding)
        tell(finding)
      }
      return findings
    })
  } finally {
    await site.close()
  }
}

type Sample = { readonly known: readonly Answer[]; readonly unknown: readonly Answer[] }

async function sample(ask: Asker, question: Question, rounds: number): Promise<Sample> {
  const known: Answer[] = []
  const unknown: Answer[] = []
  for (let round = 0; round < rounds; round++) {
    const both = [async () => known.push(await ask(await question.known())), async () => unknown.push(await ask(await question.unknown()))]
    if (Math.random() < 0.5) both.reverse()
    for (const one of both) await one()
  }
  return { known, unknown }
}

/** The answers may differ in what is random in them, and in nothing else. */
const formOf = ({ status, text }: Answer): string => `${status} ${text.length} ${text.replace(/[A-Za-z0-9_-]{43}|0x[0-9a-f]{32}/g, '…')}`

function judge(question: string, { known, unknown }: Sample): Finding {
  const [knownTimes, unknownTimes] = [known.map(({ tookMs }) => tookMs), unknown.map(({ tookMs }) => tookMs)]
  const larger = howOftenLarger(knownTimes, unknownTimes)
  const forms = new Set([...known, ...unknown].map(formOf))
  let fault: string | null = null
  if (forms.size !== 1) fault = `the answers differ: ${[...forms].join(' | ')}`
  else if (Math.abs(larger - 0.5) > tooFar(known.length)) fault = 'the times differ'
  return { question, larger, knownMs: median(knownTimes), unknownMs: median(unknownTimes), fault }
}
