/** The database cannot serve just now, and may a moment later: the caller is told to come again, and nothing was promised. */

/** Thrown by an engine in place of an error that another attempt may not meet. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super(`the database is not available: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'DatabaseUnavailable'
  }
}

/** Whether another attempt may go well: the database is busy, restarting or out of reach. */
export const isDatabaseUnavailable = (error: unknown): boolean =>
  error instanceof DatabaseUnavailable ||
  (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY'))
