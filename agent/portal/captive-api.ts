/** The captive-portal API (RFC 8908), where the hotspot names one by DHCP (RFC 8910). */
import { isObject } from '../contract/parsed.ts'

/** The media type of its answers. */
export const CAPTIVE_JSON = 'application/captive+json'

/** What it says; `page` is where a user logs in. */
export type CaptiveState = { readonly isCaptive: boolean; readonly page: URL | null }

/** Reads the URL that DHCP gave; null for none, and for the one that says there is no portal. The API speaks HTTPS only. */
export function parseApiUrl(text: string | null): URL | null {
  if (text === null || !URL.canParse(text)) return null
  const url = new URL(text)
  return url.protocol === 'https:' ? url : null
}

/** Reads an answer; null where it is none of the API. */
export function parseCaptiveState(text: string): CaptiveState | null {
  const value = parseJson(text)
  if (!isObject(value) || typeof value.captive !== 'boolean') return null
  const page = value['user-portal-url']
  return { isCaptive: value.captive, page: typeof page === 'string' ? parseApiUrl(page) : null }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
