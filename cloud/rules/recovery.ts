/**
 * After a restore (contract §2): the database is put back to a backup, and what was issued, proved and ended since then, in the lost
 * time, is not in it. Of a device's issued credentials the one of the highest generation that was on the device is what it worked
 * with last; a secret id proves by itself that this cloud made it, and its generation. From this follow two rules.
 *
 * 1. Whoever shows a higher generation than was shown since the restore is right: over what is still good, and over whatever was issued
 *    since the restore, since that was issued to somebody who held an older one. It makes no difference whether the database does not
 *    know the credential, or knew it as good and ended it since. One that is not higher was superseded, and is refused.
 *
 * 2. What the backup calls good may have been superseded in the lost time, and its holder may be a thief. Nothing tells, but
 *    that the device itself renews its token within minutes and by rule 1 ends what is older. So what the backup calls good
 *    waits until `untilMs`. It is told to come again, not that it is bad: nobody is locked out. Afterwards it is good as ever;
 *    where the device was away for so long, a thief gets on until it comes back, and is thrown out then.
 */
import { type CredentialId, formatCredentialId } from '../../agent/contract/names.ts'
import {
  type CredentialEvent,
  type DeviceCredentials,
  type IssuedId,
  type IssuedRecord,
  isIssuedId,
  isSameIssued,
  issuedName,
  issuedRecord,
  NO_CREDENTIALS,
  type Shown,
  type Verdict,
} from './device-credentials.ts'
import { FIRST_PLACE, isBeyond, type Place } from './place.ts'
import { isRearmed } from './rearm.ts'
import { refuseRevoked, refuseSuperseded, type TokenVerdict, tokenByIssued } from './token.ts'

/** An issued credential that somebody shows, and its place where the credential itself proves that it is this cloud's and whose. */
export type ShownCredential = { readonly id: IssuedId; readonly place: Place | null }

/** What an operator revoked altogether does not come back by a credential that was lost. */
function isRevokedAltogether({ temporary, flashed, issued }: DeviceCredentials): boolean {
  const states: readonly string[] = [temporary.state, flashed, ...issued.map(({ state }) => state)]
  const isGood = (state: string): boolean => state === 'open' || state === 'good' || state === 'pending' || state === 'current'
  return states.includes('revoked') && !states.some(isGood)
}

const highest = (device: DeviceCredentials): number => Math.max(0, ...device.issued.map(({ generation }) => generation))

/** Whether a place comes after all of the backup, and after what was shown since. */
function isNew(device: DeviceCredentials, place: Place): boolean {
  const { recovery, issued } = device
  if (recovery === null) return place.generation > highest(device)
  const kept = issued.flatMap(({ id, generation }) => {
    const rank = recovery.inBackup.get(issuedName(id))?.rank
    return rank === undefined ? [] : [{ rank, generation }]
  })
  return [recovery.shown, ...kept].every((each) => isBeyond(place, each))
}

/**
 * Whether a credential that the ordinary rules would refuse is what the device worked with last, as far as anybody has shown: it is not
 * known and newer, or it was good in the backup, newer than what was shown since, and ended nevertheless.
 */
export function comesBack(device: DeviceCredentials | null, { id, place }: ShownCredential): boolean {
  if (device === null) return place !== null
  const record = issuedRecord(device, id)
  if (record === null) return place !== null && isNew(device, place) && !isRevokedAltogether(device)
  const kept = device.recovery?.inBackup.get(issuedName(id))
  if (record.state !== 'superseded' || device.recovery === null || kept?.was !== 'good') return false
  return isBeyond({ rank: kept.rank, generation: record.generation }, device.recovery.shown)
}

/** A token request with an issued credential, known or not. */
export function tokenByShown(device: DeviceCredentials | null, credential: ShownCredential, shown: Shown): Verdict<TokenVerdict> {
  const { id, place } = credential
  if (comesBack(device, credential)) return afterWaiting(tokenByReturned(device, credential, shown), device, id, shown.nowMs)
  if (device !== null && place !== null && issuedRecord(device, id) === null) {
    return isRevokedAltogether(device) ? refuseRevoked(device, id) : refuseSuperseded(device, id, shown)
  }
  return afterWaiting(tokenByIssued(device, id, shown), device, id, shown.nowMs)
}

/** A device that enrolled in the lost time; by which key is lost as well. */
const enrolledThen = (nowMs: number): DeviceCredentials => ({
  ...NO_CREDENTIALS,
  temporary: { state: 'superseded', keyId: '' },
  recovery: { untilMs: nowMs, shown: FIRST_PLACE, inBackup: new Map() },
})

/** What comes back becomes current, and everything older ends. */
function tokenByReturned(device: DeviceCredentials | null, { id, place }: ShownCredential, shown: Shown): Verdict<TokenVerdict> {
  const before = device ?? enrolledThen(shown.nowMs)
  const known = issuedRecord(before, id)
  const own = place ?? FIRST_PLACE
  // In the list it comes after what was issued since the restore. The nonce that asked for it is lost.
  const added = {
    id,
    generation: Math.max(own.generation, 1 + highest(before)),
    nonce: `recovered-${issuedName(id)}`,
    state: 'pending',
  } as const
  const issued = known === null ? [...before.issued, added] : before.issued.map((each) => (each === known ? pendingAgain(each) : each))
  const verdict = tokenByIssued({ ...before, issued }, id, shown)
  const after = verdict.device ?? before
  const returned = known === null ? withShown(after, own) : withUsed(after, id)
  return { ...verdict, device: returned, events: [...returnEvents(before, id), ...verdict.events] }
}

const pendingAgain = (record: IssuedRecord): IssuedRecord => ({ ...record, state: 'pending' })

function returnEvents({ issued, recovery }: DeviceCredentials, id: IssuedId): readonly CredentialEvent[] {
  const rolled: CredentialEvent = { event: 'rolled-forward', credentialId: id, detail: '' }
  const latest = recovery === null ? undefined : issued.filter((record) => !recovery.inBackup.has(issuedName(record.id))).at(-1)
  if (latest === undefined) return [rolled]
  const detail = `${formatCredentialId(latest.id)} was issued or accepted before this one was shown`
  return [rolled, { event: 'line-conflict', credentialId: id, detail }]
}

/** The device, after a place was shown: what is before it does not come back any more. */
function withShown(device: DeviceCredentials, place: Place): DeviceCredentials {
  if (device.recovery === null || !isBeyond(place, device.recovery.shown)) return device
  return { ...device, recovery: { ...device.recovery, shown: place } }
}

/** The device, after a credential was good for something; one of the backup counts as shown from then on. */
export function withUsed(device: DeviceCredentials, id: CredentialId): DeviceCredentials {
  if (!isIssuedId(id)) return device
  const kept = device.recovery?.inBackup.get(issuedName(id))
  const record = issuedRecord(device, id)
  return kept === undefined || record === null ? device : withShown(device, { rank: kept.rank, generation: record.generation })
}

/** Until when a credential that is good waits after a restore; null where it need not. */
export function waitsUntilMs(device: DeviceCredentials | null, id: CredentialId, nowMs: number): number | null {
  const recovery = device?.recovery ?? null
  if (recovery === null || nowMs >= recovery.untilMs || isRearmed(device, id, nowMs)) return null
  return !isIssuedId(id) || recovery.inBackup.has(issuedName(id)) ? recovery.untilMs : null
}

/** What is said to a credential that waits. */
export const WAITING = 'the cloud was restored from a backup, and waits for what is newer'

/** The verdict, unless it grants a token to what has to wait; then nothing changes. */
export function afterWaiting(
  verdict: Verdict<TokenVerdict>,
  before: DeviceCredentials | null,
  id: CredentialId,
  nowMs: number,
): Verdict<TokenVerdict> {
  const { answer, device } = verdict
  if (!answer.granted || device === null || device.recovery === null) return verdict
  const untilMs = waitsUntilMs(device, id, nowMs)
  if (untilMs !== null) return { answer: { granted: false, problem: 'unavailable', reason: WAITING, untilMs }, device: before, events: [] }
  if (!isIssuedId(id)) return verdict
  // By re-arming an operator said that the device lost what it had: nothing of that comes back once the new credential is current.
  if (before !== null && device.rearmed === null && isByRearm(before, id)) return { ...verdict, device: { ...device, recovery: null } }
  return { ...verdict, device: withUsed(device, id) }
}

const isByRearm = ({ rearmed }: DeviceCredentials, id: IssuedId): boolean =>
  rearmed !== null && rearmed.issued !== null && isSameIssued(rearmed.issued, id)

/** The verdict on a first enrolment by a key that was in a restored backup: the device may have been known in the lost time. */
export function enrolledAfterRestore(verdict: Verdict<TokenVerdict>, keyUntilMs: number | null): Verdict<TokenVerdict> {
  const { device } = verdict
  if (device === null || keyUntilMs === null) return verdict
  return { ...verdict, device: { ...device, recovery: { untilMs: keyUntilMs, shown: FIRST_PLACE, inBackup: new Map() } } }
}
