/** The yield of a batch, counted from its history. */
import type { FlashLine } from '../flash/flash-log.ts'
import type { VerifyLine } from '../verify/verify-log.ts'
import type { BatchHistory } from './batch-history.ts'

/** A step of the line: how many devices came to it, were good at the first attempt, and are good by now. */
export type StepYield = { readonly step: string; readonly tried: number; readonly first: number; readonly good: number }

/** How often something was the reason. */
export type Reason = { readonly reason: string; readonly count: number }

/** What a report shows. */
export type BatchYield = {
  readonly devices: number
  readonly steps: readonly StepYield[]
  readonly reasons: readonly Reason[]
  /** How long flashing took, in ms, each. */
  readonly flashMs: readonly number[]
  /** When devices were flashed, in ms since 1970. */
  readonly flashedAtMs: readonly number[]
  /** Devices that something is wrong with now, and what. */
  readonly wrong: readonly { readonly id: string; readonly what: string }[]
}

/** Counts. */
export function yieldOf(history: BatchHistory): BatchYield {
  const flashed = history.flashes.filter(({ result }) => result === 'flashed')
  return {
    devices: history.ids.length,
    steps: [
      attemptsYield('flashed', history.flashes, ({ result }) => result === 'flashed'),
      attemptsYield('verified', history.verdicts, ({ passed }) => passed),
      registrationYield(history),
    ],
    reasons: reasonsOf(history),
    flashMs: flashed.map(({ ms }) => ms),
    flashedAtMs: flashed.map(({ at }) => Date.parse(at)),
    wrong: wrongOf(history),
  }
}

function attemptsYield<T extends FlashLine | VerifyLine>(step: string, attempts: readonly T[], isGood: (attempt: T) => boolean): StepYield {
  const first = new Map<string, boolean>()
  const last = new Map<string, boolean>()
  for (const attempt of attempts) {
    if (!first.has(attempt.id)) first.set(attempt.id, isGood(attempt))
    last.set(attempt.id, isGood(attempt) || (step === 'flashed' && last.get(attempt.id) === true))
  }
  const count = (of: ReadonlyMap<string, boolean>): number => [...of.values()].filter((good) => good).length
  return { step, tried: first.size, first: count(first), good: count(last) }
}

function registrationYield({ ids, of }: BatchHistory): StepYield {
  const given = ids.map((id) => of(id).registered).filter((each) => each !== null)
  const good = given.filter((each) => each === 'yes').length
  return { step: 'registered', tried: given.length, first: good, good }
}

function reasonsOf({ flashes, verdicts, registrationProblems }: BatchHistory): readonly Reason[] {
  const counts = new Map<string, number>()
  const add = (reason: string): void => void counts.set(reason, (counts.get(reason) ?? 0) + 1)
  for (const { reason, target } of flashes) if (reason !== null) add(`flash: ${kindOf(reason, target)}`)
  for (const { failed } of verdicts) for (const check of failed) add(`verify: ${check}`)
  for (const { message } of registrationProblems) add(`register: ${message}`)
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((one, other) => other.count - one.count)
}

/** A reason without what is particular to one device: its target, ids in numbers, times. */
const kindOf = (reason: string, target: string): string =>
  reason
    .replaceAll(target, '…')
    .replaceAll(target.replace(/^[a-z]+:/, ''), '…')
    .replace(/\b[A-Za-z0-9_.:-]*[0-9][A-Za-z0-9_.:-]*\b/g, '…')

function wrongOf({ ids, of }: BatchHistory): BatchYield['wrong'] {
  return ids.flatMap((id) => {
    const { flashed, verified, registered } = of(id)
    const what = [
      ...(flashed === 'failed' ? ['not flashed'] : []),
      ...(verified === 'failed' ? ['failed verification'] : []),
      ...(registered === 'conflict' || registered === 'refused' ? [`not registered (${registered})`] : []),
    ]
    return what.length === 0 ? [] : [{ id, what: what.join(', ') }]
  })
}
