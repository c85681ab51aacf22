/**
 * What the owner of a CA signs to prove that it has the CA's key: the common name of a certificate made for nothing else. It carries its
 * own time and a MAC over the CA, so that asking for one stores nothing, and it proves nothing for another CA or account.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { type MasterKey, type MasterKeys, purposeMac } from './master-key.ts'

/** A CA as an account wants to have it registered. */
export type ClaimedAuthority = { readonly account: string; readonly fingerprint: string }

const mac = (master: MasterKey, { account, fingerprint }: ClaimedAuthority, body: string): string =>
  purposeMac(master, 'challenge', ['possession', account, fingerprint, body].join('\0')).subarray(0, 16).toString('base64url')

/** Draws one; it fits into a common name, which has at most 64 characters (RFC 5280, ub-common-name). */
export function createPossessionChallenge([master]: MasterKeys, authority: ClaimedAuthority, nowMs: number): string {
  const body = `${nowMs.toString(36)}.${randomBytes(12).toString('base64url')}`
  return `${body}.${mac(master, authority, body)}`
}

/** When one was drawn, in ms since 1970; null where it is not ours, or is for another CA or account. */
export function possessionChallengeTimeMs(keys: MasterKeys, authority: ClaimedAuthority, challenge: string): number | null {
  const match = /^(([0-9a-z]{1,12})\.[A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22})$/.exec(challenge)
  if (match === null) return null
  const [, body = '', time = '', given = ''] = match
  const isOurs = keys.some((master) => timingSafeEqual(Buffer.from(mac(master, authority, body)), Buffer.from(given)))
  return isOurs ? Number.parseInt(time, 36) : null
}
