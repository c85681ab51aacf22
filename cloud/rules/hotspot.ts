/** Whether a credential opens a hotspot (contract §5 and §6). A hotspot's word changes nothing: it may be rogue. */
import { type CredentialId, type DeviceName, formatCredentialId, type InnerIdentity } from '../../agent/contract/names.ts'
import { type DeviceCredentials, issuedRecord } from './device-credentials.ts'
import { judgeTemporary, type TemporaryPresented } from './enrolment.ts'
import { isRearmed } from './rearm.ts'

/** What a good credential is, or why it is refused. */
export type HotspotVerdict =
  | { readonly good: true; readonly use: 'temporary' | 'flashed' | 'pending' | 'current' | 'rearmed' }
  | { readonly good: false; readonly reason: string }

const refused = (reason: string): HotspotVerdict => ({ good: false, reason })

/** The device part of an identity that names no device (contract §1, the outer identity). */
const ANONYMOUS = 'anonymous'

/** Whether an identity may stand beside a certificate of this device: of its account, and naming no device or credential but these. */
export function isIdentityOf(identity: InnerIdentity, holder: DeviceName, certificate: CredentialId): boolean {
  if (identity.account !== holder.account) return false
  if (identity.device !== holder.device && identity.device !== ANONYMOUS) return false
  return identity.credentialId.kind === 'flashed' || formatCredentialId(identity.credentialId) === formatCredentialId(certificate)
}

/** A credential shown at a hotspot; `presented` is null unless it is a temporary one of a key that exists. */
export type AtHotspot = { readonly id: CredentialId; readonly presented: TemporaryPresented | null; readonly nowMs: number }

/** Judges a credential shown at a hotspot. */
export function judgeAtHotspot(device: DeviceCredentials | null, { id, presented, nowMs }: AtHotspot): HotspotVerdict {
  if (isRearmed(device, id, nowMs)) return { good: true, use: 'rearmed' }
  switch (id.kind) {
    case 'temporary': {
      if (presented === null) return refused('the provisioning key is not known')
      const judgement = judgeTemporary(device, presented)
      return judgement.good ? { good: true, use: 'temporary' } : refused(judgement.reason)
    }
    case 'flashed': {
      const state = device?.flashed ?? 'none'
      if (state === 'good') return { good: true, use: 'flashed' }
      return refused(state === 'none' ? 'the credential is not known' : `the credential is ${state}`)
    }
    case 'issued':
    case 'certificate': {
      const state = issuedRecord(device, id)?.state ?? 'not known'
      return state === 'pending' || state === 'current' ? { good: true, use: state } : refused(`the credential is ${state}`)
    }
  }
}
