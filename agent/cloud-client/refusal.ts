/** What an answer other than success means. Only a problem document of ours may make the device turn to another credential. */
import { PROBLEMS, parseProblem } from '../contract/problems.ts'
import { AgentError } from '../failure.ts'
import type { CloudAnswer } from './exchange.ts'
import { parseRetryAfter } from './retry-after.ts'

const PROBLEM_MEDIA_TYPE = /^application\/problem\+json\s*(;|$)/i
const MAX_DETAIL_CHARACTERS = 200

/** JSON, or undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One printable line; the text is the server's. */
const oneLine = (text: string): string => text.replace(/\p{C}+/gu, ' ').slice(0, MAX_DETAIL_CHARACTERS)

/** The failure that an answer stands for; `asking` says what was asked. */
export function refusal(asking: string, answer: CloudAnswer, nowMs: number): AgentError {
  const retryAfterMs = parseRetryAfter(answer.retryAfter, answer.date, nowMs)
  const problem = PROBLEM_MEDIA_TYPE.test(answer.contentType) ? parseProblem(parseJson(answer.text)) : null
  if (problem?.ok !== true) {
    // Load balancers speak for a service that is away, in words of their own.
    const isWait = answer.status === 429 || answer.status === 503
    return new AgentError(
      isWait ? 'ERR_CLOUD_BUSY' : 'ERR_CLOUD_ANSWER',
      `${asking}: HTTP ${answer.status} without a problem document of ours`,
      {
        retryAfterMs,
      },
    )
  }
  const { type, detail } = problem.value
  const text = `${asking}: ${type}: ${oneLine(detail)}`
  switch (PROBLEMS[type].reaction) {
    case 'next-candidate':
      return new AgentError('ERR_CLOUD_REFUSED', text)
    case 'new-nonce':
      return new AgentError('ERR_CLOUD_NONCE_SPENT', text)
    case 'time-step':
      return new AgentError('ERR_CLOUD_CLOCK', text)
    case 'wait':
      return new AgentError('ERR_CLOUD_BUSY', text, { retryAfterMs })
    case 'try-again':
      return new AgentError('ERR_CLOUD_ANSWER', text, { retryAfterMs })
  }
}
