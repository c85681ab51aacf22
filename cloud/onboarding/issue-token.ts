/** `POST /v1/token` (contract §4): a client assertion in, an access token out, and what that does to the device's credentials. */
import type { CompiledQuery } from 'kysely'
import type { DeviceName } from '../../agent/contract/names.ts'
import type { Scope } from '../../agent/contract/token.ts'
import { ApiProblem } from '../api-problem.ts'
import { ACCESS_TOKEN_LIFE_MS, signAccessToken } from '../crypto/access-token.ts'
import { challengeTimeMs } from '../crypto/challenge.ts'
import type { CloudParts } from '../parts.ts'
import { judgeAssertionTime } from '../rules/assertion-time.ts'
import type { CredentialEventName } from '../rules/audit-event.ts'
import { issuedRecord, type Shown, type Verdict } from '../rules/device-credentials.ts'
import { afterWaiting, enrolledAfterRestore, tokenByShown } from '../rules/recovery.ts'
import type { HeardRun } from '../rules/shared-identity.ts'
import { type TokenVerdict, tokenByFlashed, tokenByIssued, tokenByTemporary } from '../rules/token.ts'
import type { Alarm } from '../store/alarms.ts'
import { appendAudit, auditWrites } from '../store/audit-log.ts'
import { deviceWrites, type FoundDevice, findAndLockDevice, isDeviceTaken, newDeviceWrites } from '../store/devices.ts'
import { accountExists } from '../store/principals.ts'
import { findProvisioningKey, lockProvisioningKey } from '../store/provisioning-keys.ts'
import { closingOrder } from '../store/rotation-orders.ts'
import type { Database } from '../store/tables.ts'
import { type Conclusion, conclude } from '../store/transact.ts'
import { useOnce } from '../store/used-once.ts'
import { type Assertion, isGenuine, singleUses } from './assertion.ts'
import { auditEntries } from './audit-entries.ts'
import { enrolByAuthority } from './enrol-by-authority.ts'
import { hearRunOf } from './hear-run.ts'
import { type CredentialRecords, credentialsOf, provedCertificate, shownCredential, temporaryPresented } from './records.ts'
import { tell } from './tell.ts'
import { findVerifier, verifierOf } from './verifier.ts'
import { waitS } from './wait.ts'

const DEVICE = 'device'
const ANYONE = 'unauthenticated'
const UNKNOWN = 'the device or its credential is not known here, or the signature is wrong'

/** What the token endpoint grants. */
export type TokenGrant = { readonly accessToken: string; readonly scope: Scope; readonly expiresInS: number }

/** Grants a token for an assertion, or throws the problem that says why not. */
export async function issueToken(parts: CloudParts, assertion: Assertion): Promise<TokenGrant> {
  const { name, credentialId } = assertion
  await requireGenuine(parts, assertion)
  const timely = await requireTimely(parts, assertion)
  const { answer, alarms } = await decideOnce(parts, assertion, timely)
  for (const alarm of alarms) parts.tellAlarm(alarm)
  if (!answer.granted) {
    throw new ApiProblem(answer.problem, answer.reason, 'untilMs' in answer ? waitS(answer.untilMs, parts.nowMs()) : null)
  }
  const accessToken = signAccessToken(parts.signingKeys, parts.issuer, { name, scope: answer.scope, credentialId }, parts.nowMs())
  return { accessToken, scope: answer.scope, expiresInS: ACCESS_TOKEN_LIFE_MS / 1000 }
}

async function requireGenuine(parts: CloudParts, assertion: Assertion): Promise<void> {
  const { verifier, isRegistered } = await findVerifier(parts, assertion)
  const signed = await isGenuine(assertion, verifier)
  if (isRegistered && signed) return
  if (!isRegistered && (await isEnrolledNow(parts, assertion))) return
  await tellStranger(parts, assertion)
  throw new ApiProblem('unknown-credential', UNKNOWN)
}

/** A device that is not known may bring a certificate of a CA that is; nothing is believed before its key has signed, and in time. */
async function isEnrolledNow(parts: CloudParts, assertion: Assertion): Promise<boolean> {
  const verifier = verifierOf(assertion.certificate)
  if (verifier === null || !(await isGenuine(assertion, verifier))) return false
  await requireTimely(parts, assertion)
  return enrolByAuthority(parts, assertion)
}

/** An account that does not exist has no log of its own, but is told of in the whole one: not to write would take less time, and so tell. */
async function tellStranger(parts: CloudParts, { name, credentialId }: Assertion): Promise<void> {
  const event = { event: 'unknown-credential-refused', credentialId, detail: 'the signature is wrong' } as const
  const entries = auditEntries(name, ANYONE, [event])
  const isThere = await accountExists(parts.db, name.account)
  const stray = { account: null, device: null, detail: `there is no account ${name.account}` }
  await appendAudit(parts.db, parts.nowMs(), isThere ? entries : entries.map((entry) => ({ ...entry, ...stray })))
}

/** Until when the assertion could be used again, and when it was made: not before the challenge that it carries was drawn. */
type Timely = { readonly usableUntilMs: number; readonly madeMs: number }

async function requireTimely(parts: CloudParts, assertion: Assertion): Promise<Timely> {
  if (assertion.audience !== parts.issuer) throw new ApiProblem('invalid-request', `aud of an assertion is ${parts.issuer}`)
  const { issuedMs, expiresMs, challenge } = assertion
  const challengeMs = challenge === null ? null : (challengeTimeMs(parts.masterKeys, challenge) ?? 'foreign')
  const judgement = judgeAssertionTime({ issuedMs, expiresMs, challengeMs }, parts.nowMs())
  if (judgement.timely) return { usableUntilMs: judgement.usableUntilMs, madeMs: typeof challengeMs === 'number' ? challengeMs : issuedMs }
  await tellAudit(parts, assertion, 'assertion-outside-time', judgement.reason, DEVICE)
  throw new ApiProblem(judgement.problem, judgement.reason)
}

async function tellAudit(
  parts: CloudParts,
  { name, credentialId }: Assertion,
  event: CredentialEventName,
  detail: string,
  principal: string,
) {
  await appendAudit(parts.db, parts.nowMs(), auditEntries(name, principal, [{ event, credentialId, detail }]))
}

type Decision = { readonly answer: TokenVerdict; readonly alarms: readonly Alarm[] }

/** The one transaction: the assertion is used up, the credentials change, the audit log tells. A refusal commits as well. */
async function decideOnce(parts: CloudParts, assertion: Assertion, timely: Timely): Promise<Decision> {
  try {
    return await conclude(parts.db, (db) => decide(parts, db, assertion, timely))
  } catch (error) {
    // Another process enrolled this id in the meantime: nothing is decided on an old view, and the device asks again.
    throw isDeviceTaken(error) ? new ApiProblem('unavailable', 'the device is being enrolled at this moment', 1) : error
  }
}

async function decide(
  parts: CloudParts,
  db: Database,
  assertion: Assertion,
  { usableUntilMs, madeMs }: Timely,
): Promise<Conclusion<Decision>> {
  const { name, credentialId } = assertion
  const nowMs = parts.nowMs()
  const [isFirstUse, found, key] = await Promise.all([
    useOnce(db, singleUses(assertion), usableUntilMs),
    findAndLockDevice(db, name),
    credentialId.kind === 'temporary' ? findProvisioningKey(db, name.account, credentialId.keyId) : null,
  ])
  if (!isFirstUse) return replayed(db, assertion, nowMs)
  const heard = hearRunOf(assertion, found, nowMs)
  const verdict = await judge(parts, db, assertion, { found, key }, { nowMs, madeMs })
  const told = await tell(db, name, DEVICE, [...heard.events, ...verdict.events], nowMs)
  const isProved = verdict.events.some(({ event }) => event === 'became-current')
  const writes = [
    ...storing(db, name, { found, verdict, runs: heard.runs, chainPem: chainShown(parts, assertion, found) }, nowMs),
    ...(isProved ? [closingOrder(db, { account: name.account, device: name.device, nowMs })] : []),
    ...told.writes,
  ]
  return { result: { answer: verdict.answer, alarms: told.alarms }, writes }
}

function replayed(db: Database, { name, credentialId, challenge }: Assertion, nowMs: number): Conclusion<Decision> {
  const reason = 'the assertion, or its challenge, was used before'
  const answer = { granted: false, problem: challenge === null ? 'assertion-replayed' : 'clock-skew', reason } as const
  const entries = auditEntries(name, DEVICE, [{ event: 'assertion-replayed', credentialId, detail: reason }])
  return { result: { answer, alarms: [] }, writes: auditWrites(db, nowMs, entries) }
}

async function judge(
  parts: CloudParts,
  db: Database,
  assertion: Assertion,
  { found, key }: CredentialRecords,
  shown: Shown,
): Promise<Verdict<TokenVerdict>> {
  const { name, credentialId } = assertion
  const device = credentialsOf(found)
  if (found.found === 'other-spelling') return otherSpelling(assertion)
  switch (credentialId.kind) {
    case 'issued':
    case 'certificate': {
      // An account that was made in the lost time has to be made again first.
      const isHome = device !== null || (await accountExists(db, name.account))
      return isHome
        ? tokenByShown(device, shownCredential(parts, name, { id: credentialId, certificate: assertion.certificate }, found), shown)
        : tokenByIssued(null, credentialId, shown)
    }
    case 'flashed':
      return afterWaiting(tokenByFlashed(device, shown), device, credentialId, shown.nowMs)
    case 'temporary': {
      if (key === null) throw new Error('a provisioning key vanished between its signature and its rules')
      // Only where a first enrolment is counted does it need the key to itself: others of its line would wait for its commit.
      if (device === null && key.rules.maxDevices !== null) await lockProvisioningKey(db, name.account, credentialId.keyId)
      const verdict = tokenByTemporary(device, await temporaryPresented(db, name, key, shown.nowMs), shown)
      const enrolled = device === null ? enrolledAfterRestore(verdict, key.recoveringUntilMs) : verdict
      return afterWaiting(enrolled, device, credentialId, shown.nowMs)
    }
  }
}

function otherSpelling({ credentialId }: Assertion): Verdict<TokenVerdict> {
  const reason = 'another device has this id but for upper and lower case'
  return {
    answer: { granted: false, problem: 'unknown-credential', reason },
    device: null,
    events: [{ event: 'enrolment-refused', credentialId, detail: reason }],
  }
}

type Change = {
  readonly found: FoundDevice
  readonly verdict: Verdict<TokenVerdict>
  readonly runs: readonly HeardRun[]
  readonly chainPem: string | null
}

function storing(db: Database, name: DeviceName, { found, verdict, runs, chainPem }: Change, nowMs: number): readonly CompiledQuery[] {
  const after = verdict.device
  if (after === null) return []
  if (found.found !== 'device') return newDeviceWrites(db, { name, credentials: after, sealedSecret: null, chainPem, runs }, nowMs)
  const { credentials: before, runs: runsBefore } = found.device
  return deviceWrites(db, name, { before, after, chainPem, runs: runs === runsBefore ? null : runs }, nowMs)
}

/** Of a certificate that was lost in a restore, the chain is what the device shows. */
function chainShown(parts: CloudParts, { name, credentialId, certificate }: Assertion, found: FoundDevice): string | null {
  if (credentialId.kind !== 'certificate' || issuedRecord(credentialsOf(found), credentialId) !== null) return null
  return provedCertificate(parts, name, certificate)?.chainPem ?? null
}
