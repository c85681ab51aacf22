/** How long to wait before attempt n: exponential with full jitter, so that devices which lost one hotspot together come back apart. */

/** The first step of the backoff and its ceiling. */
export type BackoffLimits = { readonly backoffBaseMs: number; readonly backoffCapMs: number }

/**
 * The wait before an attempt. Attempt 0 does not wait; attempt n waits anything from 0 to base·2^(n-1), at most the cap.
 * `atLeastMs` is what the cloud asked for (Retry-After): the jitter then comes on top, or everyone would return in the same instant.
 * `random` is in [0, 1).
 */
export function backoffMs(attempt: number, atLeastMs: number, limits: BackoffLimits, random: number): number {
  const ceilingMs = attempt === 0 ? 0 : Math.min(limits.backoffCapMs, limits.backoffBaseMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(atLeastMs + random * ceilingMs)
}
