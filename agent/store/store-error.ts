/** Errors of the file system, as the lifecycle sees them. */
import { AgentError } from '../failure.ts'

/** The errno name of a failed system call, or null for any other error. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

/** A failed system call becomes ERR_STORE_IO and says what was being done; anything else is a bug and goes up as it is. */
export function storeError(doing: string, error: unknown): unknown {
  const errno = errnoOf(error)
  return errno === null ? error : new AgentError('ERR_STORE_IO', `cannot ${doing}: ${errno}`, { cause: error })
}
