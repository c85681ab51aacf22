/** Revoking: an operator ends a credential, or every one of a device, for ever. The way back is re-arming one. */
import type { CredentialId } from '../../agent/contract/names.ts'
import { type CredentialEvent, type DeviceCredentials, isSameCredential, type Verdict } from './device-credentials.ts'
import { cancelRearm } from './rearm.ts'

/** Every credential that the device ever had, by its id. */
export function everyCredential({ temporary, flashed, issued }: DeviceCredentials): readonly CredentialId[] {
  return [
    ...(temporary.state === 'none' ? [] : [{ kind: 'temporary', keyId: temporary.keyId } as const]),
    ...(flashed === 'none' ? [] : [{ kind: 'flashed' } as const]),
    ...issued.map(({ id }) => id),
  ]
}

/**
 * Revokes one credential of a device, or for null every one that it has or had: those that are good end, and those that ended
 * before are told `revoked` from now on.
 */
export function revoke(before: DeviceCredentials, one: CredentialId | null): Verdict<'revoked' | 'nothing-to-revoke'> {
  const isMeant = (id: CredentialId): boolean => one === null || isSameCredential(one, id)
  const cancelled =
    before.rearmed !== null && isMeant(before.rearmed.credentialId) ? cancelRearm(before, 'revoked') : { device: before, events: [] }
  const { temporary, flashed, issued } = cancelled.device
  const device: DeviceCredentials = {
    ...cancelled.device,
    temporary:
      temporary.state !== 'none' && isMeant({ kind: 'temporary', keyId: temporary.keyId }) ? { ...temporary, state: 'revoked' } : temporary,
    flashed: flashed !== 'none' && isMeant({ kind: 'flashed' }) ? 'revoked' : flashed,
    issued: issued.map((record) => (isMeant(record.id) ? { ...record, state: 'revoked' } : record)),
  }
  const events = [
    ...cancelled.events,
    ...everyCredential(device)
      .filter(isMeant)
      .filter((id) => !isRevoked(before, id))
      .map(revokedEvent),
  ]
  return { answer: events.length === 0 ? 'nothing-to-revoke' : 'revoked', device, events }
}

const revokedEvent = (credentialId: CredentialId): CredentialEvent => ({ event: 'credential-revoked', credentialId, detail: '' })

function isRevoked({ temporary, flashed, issued }: DeviceCredentials, id: CredentialId): boolean {
  switch (id.kind) {
    case 'temporary':
      return temporary.state === 'revoked'
    case 'flashed':
      return flashed === 'revoked'
    case 'issued':
    case 'certificate':
      return issued.some((record) => record.state === 'revoked' && isSameCredential(record.id, id))
  }
}
