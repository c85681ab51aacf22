/**
 * Who is let in when more is asked than can be done, and when the others may come back. A request that is let in holds a place
 * until it is answered; few places mean short answers, and enough of them keep the database busy.
 */

/** Whose request it is. `public` is anybody's: a device that asks for a token, or for the time. */
export type CallerKind = 'public' | 'device' | 'operator' | 'aaa'

/**
 * How many of the places may be taken before such a request is sent away; those with the larger share find one longer.
 *
 * AAA servers come last: RADIUS has no word for "later", so a device would take it for a refusal of its credential and show another one.
 * Devices with a token come before those that ask for one: what was done for them would be done again. Operators want to see
 * what is going on and are few. Whoever has no token yet loses nothing by waiting.
 */
const SHARE: Readonly<Record<CallerKind, number>> = { public: 0.5, device: 0.75, operator: 0.75, aaa: 1 }

/** Whether there is a place. */
export const findsPlace = (caller: CallerKind, taken: number, places: number): boolean => taken < Math.max(1, places * SHARE[caller])

/** Nobody is told to wait longer: what keeps the cloud busy may be over soon. */
const LONGEST_WAIT_MS = 900_000

/** A wait of seconds, and until when those who were sent away are expected back. */
export type Appointment = { readonly retryAfterS: number; readonly bookedUntilMs: number }

/**
 * When the next one who is sent away may come back: after those who were sent away before, one answer's time later, so that they
 * come as fast as they can be answered and not together. `answerEveryMs` is the time from one answer to the next under
 * this load; `random` is in [0, 1).
 */
export function appointment(bookedUntilMs: number, nowMs: number, answerEveryMs: number, random: number): Appointment {
  const latestMs = nowMs + LONGEST_WAIT_MS
  const slotMs = Math.min(Math.max(nowMs, bookedUntilMs) + answerEveryMs, latestMs)
  const waitMs = slotMs - nowMs
  // Jittered, and by some seconds even where the wait is short: the header knows whole seconds only.
  return { retryAfterS: Math.ceil((waitMs * (0.75 + random / 2) + 3000 * random) / 1000) || 1, bookedUntilMs: slotMs }
}
