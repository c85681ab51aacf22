/** Whether an assertion is of now (contract §4): by the device's clock, or by a challenge that the cloud drew a moment ago. */
import { ASSERTION_MAX_LIFE_MS } from '../../agent/contract/token.ts'

/** How far a device's clock may be off. */
export const CLOCK_LEEWAY_MS = 10_000

/** When an assertion was made and ends by the device's clock, and by what its challenge says: null without one, `foreign` where it is not ours. */
export type AssertionTimes = { readonly issuedMs: number; readonly expiresMs: number; readonly challengeMs: number | 'foreign' | null }

/** `usableUntilMs`: from then on its time alone refuses the assertion, so that its `jti` may be forgotten. */
export type TimeJudgement =
  | { readonly timely: true; readonly usableUntilMs: number }
  | { readonly timely: false; readonly problem: 'clock-skew' | 'invalid-request'; readonly reason: string }

const refused = (problem: 'clock-skew' | 'invalid-request', reason: string): TimeJudgement => ({ timely: false, problem, reason })

/** Judges an assertion's times. */
export function judgeAssertionTime(times: AssertionTimes, nowMs: number): TimeJudgement {
  const lifeMs = times.expiresMs - times.issuedMs
  if (!(lifeMs > 0 && lifeMs <= ASSERTION_MAX_LIFE_MS)) return refused('invalid-request', 'an assertion lives for at most 60 s')
  if (times.challengeMs === 'foreign') return refused('clock-skew', 'the challenge is not one of this cloud')
  if (times.challengeMs !== null) return judgeChallenge(times.challengeMs, nowMs)
  if (nowMs < times.issuedMs - CLOCK_LEEWAY_MS) return refused('clock-skew', 'the assertion is from the future')
  if (nowMs >= times.expiresMs + CLOCK_LEEWAY_MS) return refused('clock-skew', 'the assertion has expired')
  return { timely: true, usableUntilMs: times.expiresMs + CLOCK_LEEWAY_MS }
}

function judgeChallenge(challengeMs: number, nowMs: number): TimeJudgement {
  const usableUntilMs = challengeMs + ASSERTION_MAX_LIFE_MS
  return nowMs < usableUntilMs ? { timely: true, usableUntilMs } : refused('clock-skew', 'the challenge has expired')
}
