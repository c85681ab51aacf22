/** The swap's request (contract §5): one pending secret per device; the same nonce gets the same answer, a spent one never again. */
import type { ProblemType } from '../../agent/contract/problems.ts'
import type { CredentialEvent, DeviceCredentials, IssuedSecretRecord, Verdict } from './device-credentials.ts'
import { judgeTemporary, type TemporaryPresented } from './enrolment.ts'

/** Which secret the device gets, or why none. */
export type SwapVerdict =
  | { readonly issued: true; readonly secretId: string }
  | { readonly issued: false; readonly problem: ProblemType; readonly reason: string }

/** A request for the permanent secret, by a token of scope `enrol` whose temporary credential is judged again. */
export type SwapRequest = {
  readonly presented: TemporaryPresented
  readonly nonce: string
  /** Makes the secret id of a generation; called only when a new secret is due. */
  readonly nextSecretId: (generation: number) => string
}

const issuedEvent = (event: CredentialEvent['event'], secretId: string): CredentialEvent => ({
  event,
  credentialId: { kind: 'issued', secretId },
  detail: '',
})

/** Decides a swap request. */
export function requestCredential(device: DeviceCredentials, request: SwapRequest): Verdict<SwapVerdict> {
  const judgement = judgeTemporary(device, request.presented)
  if (!judgement.good) return refuse(device, request, judgement.problem, judgement.reason)
  return answerNonce(device, request)
}

/** A nonce, and how to make the secret id of a generation; it is called only when a new secret is due. */
type NonceRequest = Pick<SwapRequest, 'nonce' | 'nextSecretId'>

/** A refusal that tells the audit log nothing. */
export const refused = (device: DeviceCredentials, problem: ProblemType, reason: string): Verdict<SwapVerdict> => ({
  answer: { issued: false, problem, reason },
  device,
  events: [],
})

/** The answer to a nonce once the request is allowed: the same nonce gets the same secret, a new one supersedes an unused one. */
export function answerNonce(device: DeviceCredentials, request: NonceRequest): Verdict<SwapVerdict> {
  const asked = device.issued.find((record) => record.nonce === request.nonce)
  if (asked === undefined) return issue(device, request)
  if (asked.state !== 'pending') return refused(device, 'nonce-spent', 'the nonce was superseded or used')
  return { answer: { issued: true, secretId: asked.secretId }, device, events: [issuedEvent('secret-delivered-again', asked.secretId)] }
}

function refuse(device: DeviceCredentials, request: SwapRequest, problem: ProblemType, reason: string): Verdict<SwapVerdict> {
  const refusal: CredentialEvent = {
    event: 'temporary-refused-after-swap',
    credentialId: { kind: 'temporary', keyId: request.presented.key.keyId },
    detail: reason,
  }
  return { ...refused(device, problem, reason), events: problem === 'already-enrolled' ? [refusal] : [] }
}

function issue(device: DeviceCredentials, request: NonceRequest): Verdict<SwapVerdict> {
  const generation = 1 + Math.max(0, ...device.issued.map((record) => record.generation))
  const secretId = request.nextSecretId(generation)
  const issued: IssuedSecretRecord[] = device.issued.map((record) =>
    record.state === 'pending' ? { ...record, state: 'superseded' } : record,
  )
  issued.push({ secretId, generation, nonce: request.nonce, state: 'pending' })
  const superseded = device.issued.filter((record) => record.state === 'pending')
  return {
    answer: { issued: true, secretId },
    device: { ...device, issued },
    events: [...superseded.map((record) => issuedEvent('pending-superseded', record.secretId)), issuedEvent('secret-issued', secretId)],
  }
}
