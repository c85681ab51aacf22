/**
 * The challenge in the signed time (contract §4). It carries its own time and MAC, so that asking for the time, which anyone
 * may, stores nothing; that each is used once is recorded when it is used.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { type MasterKey, purposeMac } from './master-key.ts'

const mac = (master: MasterKey, body: string): string => purposeMac(master, 'challenge', body).subarray(0, 16).toString('base64url')

/** Draws a challenge. */
export function createChallenge(master: MasterKey, nowMs: number): string {
  const body = `${nowMs.toString(36)}.${randomBytes(16).toString('base64url')}`
  return `${body}.${mac(master, body)}`
}

/** When a challenge was drawn, in ms since 1970; null where it is not ours. By any of the keys: another process may use another first. */
export function challengeTimeMs(keys: readonly MasterKey[], challenge: string): number | null {
  const match = /^(([0-9a-z]{1,12})\.[A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/.exec(challenge)
  if (match === null) return null
  const [, body = '', time = '', given = ''] = match
  const isOurs = keys.some((master) => timingSafeEqual(Buffer.from(mac(master, body)), Buffer.from(given)))
  return isOurs ? Number.parseInt(time, 36) : null
}
