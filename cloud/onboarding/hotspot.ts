/** What AAA servers ask and tell (contract §6): the password to check a device against, and what became of it. */
import { randomBytes } from 'node:crypto'
import { deriveHotspotPassword } from '../../agent/contract/derivation.ts'
import { type CredentialId, type InnerIdentity, parseInnerIdentity } from '../../agent/contract/names.ts'
import type { CloudParts } from '../parts.ts'
import type { CredentialEventName } from '../rules/audit-event.ts'
import { type CredentialEvent, isIssuedId } from '../rules/device-credentials.ts'
import { type HotspotVerdict, judgeAtHotspot } from '../rules/hotspot.ts'
import { comesBack } from '../rules/recovery.ts'
import { type AuditEntry, appendAudit, auditedSession } from '../store/audit-log.ts'
import { accountExists, type StoredAaaClient } from '../store/principals.ts'
import { auditEntries } from './audit-entries.ts'
import {
  type CredentialRecords,
  credentialsOf,
  decoySecret,
  readRecords,
  secretOf,
  shownCredential,
  temporaryPresented,
} from './records.ts'

// A session is proved again after its time; one that only swaps needs less.
/** How long a session may last, in seconds. */
export const SESSION_S = 3600
const SWAP_SESSION_S = 900

/** A device at a hotspot, as the AAA server tells it. */
export type HotspotRequest = { readonly identity: string; readonly method: string; readonly station: string }

/** What the AAA server gets: the password to check against, how long the session may last, and a handle to report it by. */
export type HotspotGrant = { readonly password: string; readonly sessionS: number; readonly session: string }

const principalOf = (client: StoredAaaClient): string => `aaa:${client.id}`

/** Whether the AAA client may see the account. */
export const isGranted = ({ accounts }: StoredAaaClient, account: string): boolean => accounts === null || accounts.includes(account)

/** The identity, where it has the form of the contract and the AAA client may see its account. */
function visibleIdentity(client: StoredAaaClient, text: string): InnerIdentity | null {
  const identity = parseInnerIdentity(text)
  return identity.ok && isGranted(client, identity.value.account) ? identity.value : null
}

/**
 * Answers for every identity, known or not, with a password: a good credential's own, or one that nobody has, which is the same
 * when it is asked for again. Nothing is written, so that the time it takes tells no more: an AAA client cannot learn which devices exist.
 */
export async function authorizeHotspot(parts: CloudParts, client: StoredAaaClient, request: HotspotRequest): Promise<HotspotGrant> {
  const session = randomBytes(16).toString('hex')
  const decoy = decoySecret(parts, `${client.aaaDomain} ${request.identity}`)
  const identity = visibleIdentity(client, request.identity)
  if (identity === null) return { password: Buffer.from(decoy).toString('base64url'), sessionS: SESSION_S, session }
  const records = await readRecords(parts.db, identity, identity.credentialId)
  const verdict = await judge(parts, identity, records)
  const secret = secretOf(parts, identity, identity.credentialId, records)
  return {
    password: deriveHotspotPassword(verdict.good && secret !== null ? secret : decoy, identity, client.aaaDomain),
    // By what is asked, not by what is known.
    sessionS: identity.credentialId.kind === 'temporary' ? SWAP_SESSION_S : SESSION_S,
    session,
  }
}

async function judge(parts: CloudParts, identity: InnerIdentity, { found, key }: CredentialRecords): Promise<HotspotVerdict> {
  if (found.found === 'other-spelling') return { good: false, reason: 'another device has this id but for upper and lower case' } as const
  const { credentialId } = identity
  // As pending would be. What waits after a restore is let in as well: nobody asks the cloud without a way there.
  const comes =
    isIssuedId(credentialId) &&
    comesBack(credentialsOf(found), shownCredential(parts, identity, { id: credentialId, certificate: null }, found))
  if (comes) return { good: true, use: 'pending' }
  const nowMs = parts.nowMs()
  const presented = key === null ? null : await temporaryPresented(parts.db, identity, key, nowMs)
  return judgeAtHotspot(credentialsOf(found), { id: credentialId, presented, nowMs })
}

/** Adds to the log of a device or, where none is known, of an account. */
export async function tell(
  parts: CloudParts,
  client: StoredAaaClient,
  whose: { readonly account: string; readonly device: string | null },
  events: readonly CredentialEvent[],
  session: string | null,
): Promise<void> {
  // An account that does not exist has no log that anybody reads.
  if (!(await accountExists(parts.db, whose.account))) return
  await appendAudit(parts.db, parts.nowMs(), auditEntries(whose, principalOf(client), events, session))
}

/** How an EAP run ended; `session` is null where the AAA server never got a handle. */
export type HotspotResult = HotspotRequest & { readonly accepted: boolean; readonly session: string | null }

/** Records how an EAP run ended. It changes no credential: a hotspot's word is not the device's. */
export async function recordHotspotResult(parts: CloudParts, client: StoredAaaClient, result: HotspotResult): Promise<void> {
  const identity = visibleIdentity(client, result.identity)
  if (identity === null) return
  const verdict = await judge(parts, identity, await readRecords(parts.db, identity, identity.credentialId))
  await tell(parts, client, identity, resultEvents(identity.credentialId, result, verdict), result.session)
}

/** What the audit log tells of a result. */
export function resultEvents(credentialId: CredentialId, result: HotspotResult, verdict: HotspotVerdict): readonly CredentialEvent[] {
  const how = `${result.method} ${result.station}`
  const told = (event: CredentialEventName, detail: string): CredentialEvent => ({ event, credentialId, detail })
  if (!result.accepted && !verdict.good) return [told('hotspot-refused', `${how}: ${verdict.reason}`)]
  if (!result.accepted) {
    const why = credentialId.kind === 'certificate' ? 'refused by the AAA server' : 'wrong password'
    return [told('hotspot-rejected', `${how}: ${why}`)]
  }
  const isPending = verdict.good && verdict.use === 'pending'
  return [told('hotspot-accepted', how), ...(isPending ? [told('pending-seen-at-hotspot', how)] : [])]
}

/** A session's begin or end, as the access point counted it. */
export type HotspotAccounting = { readonly event: 'Start' | 'Stop'; readonly session: string; readonly seconds: number }

/** Records a session, where this AAA client reported the accept that it began with. */
export async function recordHotspotSession(parts: CloudParts, client: StoredAaaClient, report: HotspotAccounting): Promise<void> {
  const begun = await auditedSession(parts.db, report.session)
  if (begun === null || begun.principal !== principalOf(client)) return
  const { account, device, credential, principal } = begun
  const detail = report.event === 'Start' ? 'started' : `stopped after ${report.seconds} s`
  const entry: AuditEntry = { account, device, credential, principal, detail, event: 'hotspot-session', session: report.session }
  await appendAudit(parts.db, parts.nowMs(), [entry])
}
