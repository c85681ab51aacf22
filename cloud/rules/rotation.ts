/** Rotation (contract §5): the swap's moves once more, by a permanent credential on an open order of an operator. */
import type { CredentialId } from '../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, issuedRecord, type Verdict } from './device-credentials.ts'
import { answerNonce, refused, type SwapVerdict } from './swap.ts'

/** A request for the next permanent credential, by a token of scope `device` whose credential is judged again. */
export type RotationRequest = {
  readonly credentialId: CredentialId
  /** Whether the order that the device names is open; it is closed when what it issued becomes current. */
  readonly orderOpen: boolean
  readonly kind: IssuedId['kind']
  readonly nonce: string
  readonly nextId: (generation: number) => IssuedId
}

function isGood(device: DeviceCredentials, id: CredentialId): boolean {
  switch (id.kind) {
    case 'issued':
    case 'certificate':
      return issuedRecord(device, id)?.state === 'current'
    case 'flashed':
      return device.flashed === 'good'
    case 'temporary':
      return false
  }
}

/** Decides a rotation request. The credential that asked stays good until the new one is proved. */
export function requestRotation(device: DeviceCredentials, request: RotationRequest): Verdict<SwapVerdict> {
  if (!isGood(device, request.credentialId)) return refused(device, 'revoked', 'the credential that asks is not good any more')
  if (!request.orderOpen) return refused(device, 'order-closed', 'there is no open order of this id for the device')
  return answerNonce(device, request)
}
