/** Which flashed credentials can be used now: one whose key is in a token only while the token is there and opens. */
import type { Credential } from '../credential/credential.ts'
import { AgentError } from '../failure.ts'
import type { FlashedCredentials, KeyTokens } from '../ports.ts'

/** Looks at every token anew when asked; `warn` hears of each that does not do. */
export function usableCredentials(
  all: readonly Credential[],
  tokens: KeyTokens,
  warn: (error: AgentError) => void,
): (signal: AbortSignal) => Promise<FlashedCredentials> {
  return async (signal) => {
    const usable: Credential[] = []
    let refusal: AgentError | null = null
    for (const credential of all) {
      const error = credential.kind === 'token-certificate' ? await problemOf(tokens.check(credential, signal)) : null
      if (error === null) usable.push(credential)
      else {
        warn(error)
        refusal ??= error
      }
    }
    return { usable, refusal }
  }
}

const problemOf = (checking: Promise<void>): Promise<AgentError | null> =>
  checking.then(
    () => null,
    (error: unknown) => {
      if (error instanceof AgentError) return error
      throw error
    },
  )
