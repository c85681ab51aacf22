/** Just in time: a device that nobody registered, with a certificate of a CA whose owner proved possession to the account. */
import { X509Certificate } from 'node:crypto'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import type { CloudParts } from '../parts.ts'
import { parseRegisteredCertificate, type RegisteredCertificate, registeredRecord } from '../registry/registered-certificate.ts'
import { enrolledByAuthority } from '../rules/authority.ts'
import { issuedRecord, NO_CREDENTIALS } from '../rules/device-credentials.ts'
import { appendAudit } from '../store/audit-log.ts'
import { listAuthorities, type StoredAuthority } from '../store/authorities.ts'
import { findHolder } from '../store/certificates.ts'
import { findDevice, insertDevice } from '../store/devices.ts'
import type { Assertion } from './assertion.ts'
import { auditEntries } from './audit-entries.ts'
import { credentialsOf } from './records.ts'

/** The authority that issued a certificate, and what would be registered of it for which device, or why nothing is. */
export type Enrolment = { readonly authority: string; readonly enrols: Parsed<Enrols> }

/** The device that the certificate is for. */
export type Enrols = { readonly device: string; readonly certificate: RegisteredCertificate }

/** Holds a certificate (DER) that is not known against the CAs of an account; null where none of them issued it. `claimed` is null where no device is named. */
export async function judgeByAuthority(
  parts: CloudParts,
  { account, claimed }: { readonly account: string; readonly claimed: string | null },
  der: Uint8Array,
): Promise<Enrolment | null> {
  const shown = readCertificate(der)
  const issuer = shown === null ? undefined : (await listAuthorities(parts.db, account)).find((authority) => hasIssued(authority, shown))
  if (shown === null || issuer === undefined) return null
  const authority = issuer.rules.id
  const certificate = parseRegisteredCertificate(shown.toString())
  if (!certificate.ok) return { authority, enrols: certificate }
  const device = enrolledByAuthority(shown, issuer.rules, parts.nowMs())
  if (!device.ok) return { authority, enrols: device }
  if (claimed !== null && claimed !== device.value) return { authority, enrols: unparsed('the certificate is of another device') }
  // Who is known already has credentials of its own: another certificate of the same CA ends none of them. That this one is among them
  // means that another request was faster.
  const found = await findDevice(parts.db, { account, device: device.value })
  const own = issuedRecord(credentialsOf(found), { kind: 'certificate', fingerprint: certificate.value.fingerprint })
  if (found.found !== 'nothing' && own === null) return { authority, enrols: unparsed('the device is known, and not by this certificate') }
  return { authority, enrols: parsed({ device: device.value, certificate: certificate.value }) }
}

function readCertificate(der: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(der)
  } catch {
    return null
  }
}

/** By the signature and not by names, which anyone may write. */
function hasIssued({ pem }: StoredAuthority, certificate: X509Certificate): boolean {
  const ca = new X509Certificate(pem)
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey)
}

/** Enrols the device of an assertion that was genuine by its own certificate; false, and told to the audit log, where it may not be. */
export async function enrolByAuthority(parts: CloudParts, { name, credentialId, certificate }: Assertion): Promise<boolean> {
  if (certificate === null) return false
  const enrolment = await judgeByAuthority(parts, { account: name.account, claimed: name.device }, certificate)
  if (enrolment === null) return false
  const { authority, enrols } = enrolment
  const told = (event: 'enrolled' | 'enrolment-refused', more: string) =>
    auditEntries(name, 'device', [{ event, credentialId, detail: `by certificate authority ${authority}${more}` }])
  if (!enrols.ok) {
    await appendAudit(parts.db, parts.nowMs(), told('enrolment-refused', `: ${enrols.problem}`))
    return false
  }
  const { fingerprint, pem } = enrols.value.certificate
  await parts.db.transaction().execute(async (db) => {
    if ((await findHolder(db, fingerprint)) !== null) return
    const credentials = { ...NO_CREDENTIALS, issued: [registeredRecord(enrols.value.certificate)] }
    // Where another process was faster, what it stored is judged by the rules, like everything that is known.
    const isNew = await insertDevice(db, { name, credentials, sealedSecret: null, chainPem: pem, runs: [] }, parts.nowMs())
    if (isNew) await appendAudit(db, parts.nowMs(), told('enrolled', ''))
  })
  return true
}
