/** The swap's request (contract §5): one pending credential per device; the same nonce gets the same answer, a spent one never again. */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { ProblemType } from '../../agent/contract/problems.ts'
import type { CredentialEvent, DeviceCredentials, IssuedId, IssuedRecord, Verdict } from './device-credentials.ts'
import { judgeTemporary, type TemporaryPresented } from './enrolment.ts'
import { placeNumber } from './place.ts'
import { withIssuedTo } from './rearm.ts'

/** Which credential the device gets, or why none. */
export type SwapVerdict =
  | { readonly issued: true; readonly id: IssuedId }
  | { readonly issued: false; readonly problem: ProblemType; readonly reason: string }

/** A request for the permanent credential, by a token of scope `enrol` whose temporary credential is judged again. */
export type SwapRequest = {
  readonly presented: TemporaryPresented
  readonly kind: IssuedId['kind']
  readonly nonce: string
  /** The id with a number that says its place; called only when a new one is due. */
  readonly nextId: (placeNumber: number) => IssuedId
}

const issuedEvent = (event: CredentialEvent['event'], credentialId: IssuedId): CredentialEvent => ({ event, credentialId, detail: '' })

const ISSUED = {
  issued: { first: 'secret-issued', again: 'secret-delivered-again' },
  certificate: { first: 'certificate-issued', again: 'certificate-delivered-again' },
} as const

/** Decides a swap request. */
export function requestCredential(device: DeviceCredentials, request: SwapRequest): Verdict<SwapVerdict> {
  const judgement = judgeTemporary(device, request.presented)
  if (!judgement.good) return refuse(device, request, judgement.problem, judgement.reason)
  const { key, nowMs } = request.presented
  return issuedTo(answerNonce(device, request), { kind: 'temporary', keyId: key.keyId }, nowMs)
}

/** The verdict, which remembers what was issued to a re-armed credential. */
export function issuedTo(verdict: Verdict<SwapVerdict>, asker: CredentialId, nowMs: number): Verdict<SwapVerdict> {
  const { answer, device } = verdict
  return answer.issued && device !== null ? { ...verdict, device: withIssuedTo(device, asker, answer.id, nowMs) } : verdict
}

/** A nonce, and what a new credential would be called. */
type NonceRequest = Pick<SwapRequest, 'kind' | 'nonce' | 'nextId'>

/** A refusal that tells the audit log nothing. */
export const refused = (device: DeviceCredentials, problem: ProblemType, reason: string): Verdict<SwapVerdict> => ({
  answer: { issued: false, problem, reason },
  device,
  events: [],
})

/** The answer to a nonce once the request is allowed: the same nonce gets the same credential, a new one supersedes an unused one. */
export function answerNonce(device: DeviceCredentials, request: NonceRequest): Verdict<SwapVerdict> {
  const asked = device.issued.find((record) => record.nonce === request.nonce)
  if (asked === undefined) return issue(device, request)
  if (asked.state !== 'pending') return refused(device, 'nonce-spent', 'the nonce was superseded or used')
  if (asked.id.kind !== request.kind) return refused(device, 'nonce-spent', 'the nonce asked for another kind of credential')
  return { answer: { issued: true, id: asked.id }, device, events: [issuedEvent(ISSUED[asked.id.kind].again, asked.id)] }
}

function refuse(device: DeviceCredentials, request: SwapRequest, problem: ProblemType, reason: string): Verdict<SwapVerdict> {
  const refusal: CredentialEvent = {
    // Its token was given before the swap; when the request was sent nobody knows.
    event: 'late-request-refused',
    credentialId: { kind: 'temporary', keyId: request.presented.key.keyId },
    detail: reason,
  }
  return { ...refused(device, problem, reason), events: problem === 'already-enrolled' ? [refusal] : [] }
}

function issue(device: DeviceCredentials, request: NonceRequest): Verdict<SwapVerdict> {
  const generation = 1 + Math.max(0, ...device.issued.map((record) => record.generation))
  // What is issued since a restore says so in its number.
  const id = request.nextId(placeNumber({ rank: device.recovery?.shown.rank ?? generation, generation }))
  const issued: IssuedRecord[] = device.issued.map((record) => (record.state === 'pending' ? { ...record, state: 'superseded' } : record))
  issued.push({ id, generation, nonce: request.nonce, state: 'pending' })
  const superseded = device.issued.filter((record) => record.state === 'pending')
  return {
    answer: { issued: true, id },
    device: { ...device, issued },
    events: [...superseded.map((record) => issuedEvent('pending-superseded', record.id)), issuedEvent(ISSUED[id.kind].first, id)],
  }
}
