/** `GET /v1/device/actions` (contract §7): what the device is ordered to do, each order signed for it alone. */
import { CompactSign } from 'jose'
import { ACTION_TYP } from '../../agent/contract/action.ts'
import type { DeviceName } from '../../agent/contract/names.ts'
import { SIGNING_ALGORITHM } from '../crypto/signing-key.ts'
import type { CloudParts } from '../parts.ts'
import { openOrder } from '../store/rotation-orders.ts'

/** An action is signed anew whenever it is asked for, so a short life costs nothing. */
const ACTION_LIFE_S = 900

/** The device's actions as compact JWSs. */
export async function signedActions(parts: CloudParts, { account, device }: DeviceName): Promise<readonly string[]> {
  const order = await openOrder(parts.db, { account, device })
  if (order === null) return []
  const exp = Math.floor(parts.nowMs() / 1000) + ACTION_LIFE_S
  const action = { account, device, id: order, exp, body: { kind: 'rotate-credential' } }
  const header = { alg: SIGNING_ALGORITHM, typ: ACTION_TYP, kid: parts.signingKeys.kid }
  return [await new CompactSign(Buffer.from(JSON.stringify(action))).setProtectedHeader(header).sign(parts.signingKeys.privateKey)]
}
