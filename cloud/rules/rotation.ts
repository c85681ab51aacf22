/** Rotation (contract §5): the swap's moves once more, by a permanent credential on an open order of an operator. */
import type { CredentialId } from '../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, issuedRecord, type Verdict } from './device-credentials.ts'
import { currentUsed, isRearmed } from './rearm.ts'
import { answerNonce, issuedTo, refused, type SwapVerdict } from './swap.ts'

/** A request for the next permanent credential, by a token of scope `device` whose credential is judged again. */
export type RotationRequest = {
  readonly credentialId: CredentialId
  /** The order that the device names, and the one that is open; it is closed when what it issued becomes current. */
  readonly order: string | null
  readonly openOrder: string | null
  readonly nowMs: number
  readonly kind: IssuedId['kind']
  readonly nonce: string
  readonly nextId: (placeNumber: number) => IssuedId
}

const NOT_GOOD = 'the credential that asks is not good any more'
const NO_ORDER = 'there is no open order of this id for the device'
const FROZEN = 'rotation of this device is frozen'

const isPermanent = ({ kind }: CredentialId): boolean => kind !== 'temporary'

/** Whether this is the credential that the device works with. */
export function isCurrent(device: DeviceCredentials, id: CredentialId): boolean {
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
  const { credentialId, order, nowMs } = request
  if (!isPermanent(credentialId)) return refused(device, 'revoked', NOT_GOOD)
  if (isRearmed(device, credentialId, nowMs)) return rotateRearmed(device, request)
  if (!isCurrent(device, credentialId)) return refused(device, 'revoked', NOT_GOOD)
  const used = currentUsed(device)
  const refusal = device.frozenMs !== null ? FROZEN : order === null || order !== request.openOrder ? NO_ORDER : null
  const verdict = refusal === null ? answerNonce(used.device, request) : refused(used.device, 'order-closed', refusal)
  return { ...verdict, events: [...used.events, ...verdict.events] }
}

/** The order that a device is told of when it asks by this credential; null where there is none for it. */
export function orderFor(device: DeviceCredentials, id: CredentialId, openOrder: string | null, nowMs: number): string | null {
  if (isRearmed(device, id, nowMs)) return device.rearmed?.orderId ?? null
  return isCurrent(device, id) && device.frozenMs === null ? openOrder : null
}

/** A re-armed credential has an order of its own, which no freeze holds up: the operator has looked at the device. */
function rotateRearmed(device: DeviceCredentials, request: RotationRequest): Verdict<SwapVerdict> {
  if (request.order !== device.rearmed?.orderId) return refused(device, 'order-closed', NO_ORDER)
  return issuedTo(answerNonce(device, request), request.credentialId, request.nowMs)
}
