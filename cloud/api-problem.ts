/** How anything in the cloud says no: thrown anywhere, answered in one place as a problem document (RFC 9457). */
import type { ProblemType } from '../agent/contract/problems.ts'

/** A row of the contract's problem table, with what is particular this time. `detail` goes to the caller and never holds a secret; a cause is for the log alone. */
export class ApiProblem extends Error {
  readonly problem: ProblemType
  readonly detail: string
  readonly retryAfterS: number | null

  constructor(problem: ProblemType, detail: string, retryAfterS: number | null = null, options: ErrorOptions = {}) {
    super(`${problem}: ${detail}`, options)
    this.name = 'ApiProblem'
    this.problem = problem
    this.detail = detail
    this.retryAfterS = retryAfterS
  }
}
