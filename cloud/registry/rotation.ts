/** Ordering a rotation: an operator opens an order, the device finds it among its actions. */
import { randomBytes } from 'node:crypto'
import { base32 } from '../../agent/contract/base32.ts'
import type { DeviceName } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findAndLockDevice } from '../store/devices.ts'
import type { StoredOperatorKey } from '../store/principals.ts'
import { insertOrder, openOrder } from '../store/rotation-orders.ts'
import { operatorEntry } from './operator-entry.ts'

/** Opens an order for a device, or gives the one that is open. A device without a permanent credential has nothing to rotate. */
export const orderRotation = (parts: CloudParts, by: StoredOperatorKey, name: DeviceName): Promise<string> =>
  parts.db.transaction().execute(async (db) => {
    const found = await findAndLockDevice(db, name)
    if (found.found !== 'device') throw new ApiProblem('not-found', `there is no device ${name.device}`)
    const { flashed, issued } = found.device.credentials
    if (flashed !== 'good' && !issued.some(({ state }) => state === 'current')) {
      throw new ApiProblem('conflict', 'the device has no permanent credential yet; the first connection brings one')
    }
    const open = await openOrder(db, name)
    if (open !== null) return open
    const id = base32(randomBytes(10))
    await insertOrder(db, id, name, parts.nowMs())
    await appendAudit(db, parts.nowMs(), [{ ...operatorEntry(by, 'rotation-ordered', name.account, id), device: name.device }])
    return id
  })
