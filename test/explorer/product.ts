/**
 * What is explored: the functions of the real files, gathered so that a mutant of them can stand in their place.
 * The explorer itself imports none of them other than as types.
 */
import { refusal } from '../../agent/cloud-client/refusal.ts'
import { certificateFingerprint } from '../../agent/contract/certificate.ts'
import { parseInnerIdentity } from '../../agent/contract/names.ts'
import { problemUri } from '../../agent/contract/problems.ts'
import { Secret } from '../../agent/credential/secret.ts'
import { createExecutors } from '../../agent/execute.ts'
import { AgentError, FAILURES } from '../../agent/failure.ts'
import { START, transition } from '../../agent/lifecycle/transition.ts'
import { decodeKey, decodeNonce, decodeSlot, decodeTimeFloor } from '../../agent/store/records.ts'
import { openStore } from '../../agent/store/store.ts'
import { judgeAtHotspot } from '../../cloud/rules/hotspot.ts'
import { orderFor, requestRotation } from '../../cloud/rules/rotation.ts'
import { requestCredential } from '../../cloud/rules/swap.ts'
import { tokenByIssued, tokenByTemporary } from '../../cloud/rules/token.ts'

export const product = {
  AgentError,
  FAILURES,
  START,
  Secret,
  certificateFingerprint,
  createExecutors,
  decodeKey,
  decodeNonce,
  decodeSlot,
  decodeTimeFloor,
  judgeAtHotspot,
  openStore,
  orderFor,
  parseInnerIdentity,
  problemUri,
  refusal,
  requestCredential,
  requestRotation,
  tokenByIssued,
  tokenByTemporary,
  transition,
}

export type Product = typeof product
