/** Which of PostgreSQL's errors pass: by SQLSTATE, or by coming from the connection and not from the server. */
import { DatabaseUnavailable } from './database-unavailable.ts'

// Connection trouble; rolled back by the server; out of resources; cancelled or waited too long; stopping or starting.
const PASSING_CLASSES = ['08', '40', '53', '57']
// A lock was not free in time; a standby, just after a failover; idle in a transaction for too long; a table has other columns than
// when the statement was planned, since a newer version of this program was started.
const PASSING_STATES = ['55P03', '25006', '25P03', '0A000']

/** An error as the server sent it. */
export type ServerError = Error & { code?: string | undefined; severity?: string | undefined; detail?: string | undefined }

/** What the service gets to see of an error of the server. Its details may quote a row, and a row holds what no log should. */
export function judgeServerError(error: ServerError): Error {
  error.detail = undefined
  const state = error.code ?? ''
  const passes = PASSING_CLASSES.includes(state.slice(0, 2)) || PASSING_STATES.includes(state)
  return passes ? new DatabaseUnavailable(error) : error
}

/** Whether the server ends the connection with this error. */
export const endsConnection = ({ severity }: ServerError): boolean => severity === 'FATAL' || severity === 'PANIC'
