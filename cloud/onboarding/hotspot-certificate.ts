/** EAP-TLS at a hotspot (contract §6): the AAA server has checked chain and key, and the whole certificate decides who it is. */
import { randomBytes, type X509Certificate } from 'node:crypto'
import { certificateFingerprint, parseCertificateChain } from '../../agent/contract/certificate.ts'
import { type InnerIdentity, parseInnerIdentity } from '../../agent/contract/names.ts'
import type { CloudParts } from '../parts.ts'
import { type HotspotVerdict, isIdentityOf, judgeAtHotspot } from '../rules/hotspot.ts'
import { comesBack } from '../rules/recovery.ts'
import { findHolder } from '../store/certificates.ts'
import { findDevice } from '../store/devices.ts'
import type { StoredAaaClient } from '../store/principals.ts'
import { judgeByAuthority } from './enrol-by-authority.ts'
import { type HotspotResult, isGranted, resultEvents, SESSION_S, tell } from './hotspot.ts'
import { credentialsOf, provedHolder } from './records.ts'

/** The certificate (PEM) that a device showed, and the identity that it named outside of the handshake. */
export type ShownCertificate = { readonly identity: string; readonly certificate: string }

/** Yes or no, how long the session may last, and a handle to report it by. */
export type CertificateGrant = { readonly accepted: boolean; readonly sessionS: number; readonly session: string }

/** Says whether a certificate opens the hotspot. Nothing is written. */
export async function authorizeCertificate(parts: CloudParts, client: StoredAaaClient, shown: ShownCertificate): Promise<CertificateGrant> {
  const { verdict } = await judge(parts, client, shown)
  return { accepted: verdict.good, sessionS: SESSION_S, session: randomBytes(16).toString('hex') }
}

/** Records how an EAP-TLS run ended. It changes no credential: a hotspot's word is not the device's. */
export async function recordCertificateResult(
  parts: CloudParts,
  client: StoredAaaClient,
  result: HotspotResult & ShownCertificate,
): Promise<void> {
  const { whose, fingerprint, verdict } = await judge(parts, client, result)
  if (whose === null || fingerprint === null) return
  const events = resultEvents({ kind: 'certificate', fingerprint }, result, verdict)
  await tell(parts, client, whose, events, result.session)
}

/** What the rules say; and in whose log it belongs: the device's that holds the certificate, else the account's that was named. */
type Judged = {
  readonly fingerprint: string | null
  readonly whose: { readonly account: string; readonly device: string | null } | null
  readonly verdict: HotspotVerdict
}

const FOREIGN_IDENTITY = "the identity is another's than the certificate's"

async function judge(parts: CloudParts, client: StoredAaaClient, shown: ShownCertificate): Promise<Judged> {
  const parsedIdentity = parseInnerIdentity(shown.identity)
  const identity = parsedIdentity.ok && isGranted(client, parsedIdentity.value.account) ? parsedIdentity.value : null
  const chain = parseCertificateChain(shown.certificate)
  const own = chain.ok ? chain.value[0] : null
  const fingerprint = own === null ? null : certificateFingerprint(own.raw)
  const proved = own === null ? null : provedHolder(parts, own)
  const found = fingerprint === null ? null : ((await findHolder(parts.db, fingerprint)) ?? proved?.name ?? null)
  const holder = found !== null && isGranted(client, found.account) ? found : null
  const whose = holder ?? (identity === null ? null : { account: identity.account, device: null })
  const refused = (reason: string): Judged => ({ fingerprint, whose, verdict: { good: false, reason } })
  if (own !== null && found === null && identity !== null) return judgeUnknown(parts, identity, own)
  if (fingerprint === null || holder === null) return refused('the certificate is not known')
  const id = { kind: 'certificate', fingerprint } as const
  if (identity === null || !isIdentityOf(identity, holder, id)) return refused(FOREIGN_IDENTITY)
  const device = credentialsOf(await findDevice(parts.db, holder))
  if (comesBack(device, { id, place: proved?.place ?? null })) return { fingerprint, whose, verdict: { good: true, use: 'pending' } }
  return { fingerprint, whose, verdict: judgeAtHotspot(device, { id, presented: null, nowMs: parts.nowMs() }) }
}

/** A device on its way to its first token: a CA of the account may enrol it there, and nothing is written here. */
async function judgeUnknown(parts: CloudParts, identity: InnerIdentity, own: X509Certificate): Promise<Judged> {
  const { account } = identity
  const fingerprint = certificateFingerprint(own.raw)
  const refused = (reason: string): Judged => ({ fingerprint, whose: { account, device: null }, verdict: { good: false, reason } })
  const enrolment = await judgeByAuthority(parts, { account, claimed: null }, new Uint8Array(own.raw))
  if (enrolment === null) return refused('the certificate is not known')
  const { authority, enrols } = enrolment
  if (!enrols.ok) return refused(`the certificate is not known, and enrols nobody by certificate authority ${authority}: ${enrols.problem}`)
  const holder = { account, device: enrols.value.device }
  const isItsOwn = isIdentityOf(identity, holder, { kind: 'certificate', fingerprint })
  return isItsOwn ? { fingerprint, whose: holder, verdict: { good: true, use: 'current' } } : refused(FOREIGN_IDENTITY)
}
