/** What every parser of the contract returns: the value, or one line saying what is wrong with it (never quoting a secret). */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** A parse that went well. */
export const parsed = <T>(value: T): Parsed<T> => ({ ok: true, value })

/** A parse that did not, and why, in one line. */
export const unparsed = (problem: string): Parsed<never> => ({ ok: false, problem })

/** Narrows `unknown` to a JSON object whose members are still unknown. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
