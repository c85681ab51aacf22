/**
 * What the cloud says when it says no: `application/problem+json` (RFC 9457) from this one table. The type decides what the
 * device does (contract §4). No answer, of any kind, makes a device delete a credential.
 */
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** What a device does about a problem: try its next credential, draw a new nonce, ask for the time, wait, or just try again. */
export type DeviceReaction = 'next-candidate' | 'new-nonce' | 'time-step' | 'wait' | 'try-again'

type Row = { readonly status: number; readonly title: string; readonly reaction: DeviceReaction }

/** Every problem the Cloud API answers with. */
export const PROBLEMS = {
  'unknown-credential': { status: 401, title: 'This credential is not known here.', reaction: 'next-candidate' },
  revoked: { status: 403, title: 'This credential was good once and is not any more.', reaction: 'next-candidate' },
  'already-enrolled': {
    status: 409,
    title: 'The device has a permanent credential; its temporary one is superseded.',
    reaction: 'next-candidate',
  },
  'order-closed': { status: 409, title: 'This rotation order is used up or was taken back.', reaction: 'try-again' },
  'nonce-spent': { status: 409, title: 'This nonce was superseded or its credential is in use; draw a new one.', reaction: 'new-nonce' },
  'clock-skew': { status: 401, title: 'The assertion is genuine, but its time is off; ask for the time.', reaction: 'time-step' },
  'assertion-replayed': { status: 401, title: 'The assertion was used before; make a new one.', reaction: 'try-again' },
  'invalid-token': { status: 401, title: 'The access token is missing, expired or not ours.', reaction: 'try-again' },
  'insufficient-scope': { status: 403, title: 'This token may not do that.', reaction: 'next-candidate' },
  'invalid-request': { status: 400, title: 'The request does not have the form of the contract.', reaction: 'try-again' },
  'not-found': { status: 404, title: 'There is nothing at this path.', reaction: 'try-again' },
  conflict: { status: 409, title: 'That exists already.', reaction: 'try-again' },
  'too-large': { status: 413, title: 'The request body is too large.', reaction: 'try-again' },
  'too-many-requests': { status: 429, title: 'Too many requests; wait as Retry-After says.', reaction: 'wait' },
  unavailable: { status: 503, title: 'The service cannot answer now; wait as Retry-After says.', reaction: 'wait' },
  internal: { status: 500, title: 'The service failed; the fault is not yours.', reaction: 'try-again' },
} as const satisfies Record<string, Row>

/** The short name of a problem. */
export type ProblemType = keyof typeof PROBLEMS

const URN = 'urn:zipkey:problem:'

/** The problem's type URI, as it stands in the document. */
export const problemUri = (type: ProblemType): string => URN + type

/** A problem document: which row of the table, and what is particular about it this time. */
export type Problem = { readonly type: ProblemType; readonly detail: string }

const isProblemType = (text: string): text is ProblemType => Object.hasOwn(PROBLEMS, text)

/** Reads a problem document; an unknown type is unparsed, and its HTTP status has to do. */
export function parseProblem(body: unknown): Parsed<Problem> {
  if (!isObject(body) || typeof body.type !== 'string' || !body.type.startsWith(URN)) return unparsed('not a problem document of ours')
  const type = body.type.slice(URN.length)
  if (!isProblemType(type)) return unparsed('a problem type that this version does not know')
  return parsed({ type, detail: typeof body.detail === 'string' ? body.detail : PROBLEMS[type].title })
}
