/** Reads Retry-After (RFC 9110 §10.2.3): seconds, or a date. */

/** Whatever a server says, a device asks again within the hour. */
export const RETRY_AFTER_MAX_MS = 3_600_000

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d{2}:\d{2}:\d{2}( GMT| \d{4})$/

const parseHttpDate = (text: string | null): number | null => {
  if (text === null || !HTTP_DATE.test(text)) return null
  // asctime(3), the one form without a zone, is in UTC too.
  const timeMs = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(timeMs) ? null : timeMs
}

/** How long to wait, capped; 0 where the header is missing or malformed. A date counts from the answer's own date, since the device's clock may be off. */
export function parseRetryAfter(header: string | null, answerDate: string | null, nowMs: number): number {
  if (header === null) return 0
  const text = header.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, RETRY_AFTER_MAX_MS)
  const untilMs = parseHttpDate(text)
  if (untilMs === null) return 0
  return Math.min(Math.max(0, untilMs - (parseHttpDate(answerDate) ?? nowMs)), RETRY_AFTER_MAX_MS)
}
