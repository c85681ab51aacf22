/** `GET /v1/device/actions` (contract §7): what the device is ordered to do, each order signed for it alone. */
import { CompactSign } from 'jose'
import { ACTION_TYP } from '../../agent/contract/action.ts'
import type { CredentialId, DeviceName } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import { SIGNING_ALGORITHM } from '../crypto/signing-key.ts'
import type { CloudParts } from '../parts.ts'
import { currentUsed, isRearmed } from '../rules/rearm.ts'
import { isCurrent, orderFor } from '../rules/rotation.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findAndLockDevice, findDevice, saveDevice } from '../store/devices.ts'
import { lastOrder } from '../store/rotation-orders.ts'
import { auditEntries } from './audit-entries.ts'
import { openDueOrder } from './due-order.ts'

/** An action is signed anew whenever it is asked for, so a short life costs nothing. */
const ACTION_LIFE_S = 900

/** The device's actions as compact JWSs. The credential behind the token is judged again: one that ended meanwhile gets none. */
export async function signedActions(parts: CloudParts, { name, credentialId }: AccessClaims): Promise<readonly string[]> {
  const found = await findDevice(parts.db, name)
  const nowMs = parts.nowMs()
  const device = found.found === 'device' ? found.device : null
  const isGood = device !== null && (isCurrent(device.credentials, credentialId) || isRearmed(device.credentials, credentialId, nowMs))
  if (device === null || !isGood) throw new ApiProblem('revoked', 'the credential of this token is not good any more')
  if (device.credentials.rearmed !== null && isCurrent(device.credentials, credentialId)) await noteUse(parts, name, credentialId)
  const last = await lastOrder(parts.db, name)
  const open = last?.closedMs === null ? last.id : await openDueOrder(parts, name, credentialId, { device, last })
  const order = orderFor(device.credentials, credentialId, open, nowMs)
  return order === null ? [] : [await sign(parts, name, order)]
}

/** Any use of the current credential cancels a re-arming. */
const noteUse = (parts: CloudParts, name: DeviceName, credentialId: CredentialId): Promise<void> =>
  parts.db.transaction().execute(async (db) => {
    const found = await findAndLockDevice(db, name)
    if (found.found !== 'device' || !isCurrent(found.device.credentials, credentialId)) return
    const before = found.device.credentials
    const { device: after, events } = currentUsed(before)
    await saveDevice(db, name, { before, after, chainPem: null, runs: null }, parts.nowMs())
    await appendAudit(db, parts.nowMs(), auditEntries(name, 'device', events))
  })

async function sign(parts: CloudParts, { account, device }: DeviceName, order: string): Promise<string> {
  const exp = Math.floor(parts.nowMs() / 1000) + ACTION_LIFE_S
  const action = { account, device, id: order, exp, body: { kind: 'rotate-credential' } }
  const header = { alg: SIGNING_ALGORITHM, typ: ACTION_TYP, kid: parts.signingKeys.kid }
  return new CompactSign(Buffer.from(JSON.stringify(action))).setProtectedHeader(header).sign(parts.signingKeys.privateKey)
}
