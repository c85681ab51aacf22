/** Devices as the API shows them, in pages and one by one. */
import type { DeviceName } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import { credentialLabel } from '../onboarding/audit-entries.ts'
import type { CloudParts } from '../parts.ts'
import type { Rearmed } from '../rules/device-credentials.ts'
import { matchesIdPattern } from '../rules/id-pattern.ts'
import { type DeviceFilter, type ListedDevice, listDevices } from '../store/device-list.ts'
import { findDevice } from '../store/devices.ts'
import { accountExists } from '../store/principals.ts'
import { lastOrder } from '../store/rotation-orders.ts'
import { showAlarms } from './alarms.ts'

const ALARMS_SHOWN = 100

/** A page of devices. One that a pattern thins out may be short, or empty, and still have a next. */
export async function showDevices(parts: CloudParts, filter: DeviceFilter, pattern: string) {
  if (!(await accountExists(parts.db, filter.account))) throw new ApiProblem('not-found', `there is no account ${filter.account}`)
  const page = await listDevices(parts.db, filter)
  const devices = page.filter(({ id }) => matchesIdPattern(pattern, id))
  return {
    devices: devices.map(listedDevice),
    next: page.length < filter.limit ? null : (page.at(-1)?.id ?? null),
  }
}

/** A device of a list. */
export const listedDevice = (device: ListedDevice) => ({
  id: device.id,
  created_at_ms: device.createdMs,
  temporary: device.temporary,
  flashed: device.flashed,
  current: device.current === null ? null : credentialLabel(device.current),
  promoted_ms: device.promotedMs,
  frozen_since_ms: device.frozenMs,
  rearmed_until_ms: device.rearmedUntilMs,
})

/** A device. */
export async function showDevice(parts: CloudParts, name: DeviceName) {
  const found = await findDevice(parts.db, name)
  if (found.found !== 'device') throw new ApiProblem('not-found', `there is no device ${name.device}`)
  const { credentials, createdAt, runs } = found.device
  const { temporary, flashed, issued, promotedMs, frozenMs, rearmed } = credentials
  const order = await lastOrder(parts.db, name)
  const open = { accounts: [name.account], device: name.device, open: true, sinceMs: 0, after: '', limit: ALARMS_SHOWN }
  return {
    account: name.account,
    id: name.device,
    created_at_ms: createdAt,
    temporary: { state: temporary.state, provisioning_key: temporary.state === 'none' ? null : temporary.keyId },
    flashed,
    issued: issued.map(({ id, generation, state }) => ({ credential: credentialLabel(id), generation, state })),
    promoted_ms: promotedMs,
    frozen_since_ms: frozenMs,
    rearmed: rearmed === null ? null : shownRearmed(rearmed),
    order: order === null || order.closedMs !== null ? null : { id: order.id, created_at_ms: order.createdMs },
    runs: runs.map(({ run, firstMs }) => ({ run, first_heard_ms: firstMs })),
    alarms: await showAlarms(parts, open),
  }
}

const shownRearmed = ({ credentialId, untilMs, issued }: Rearmed) => ({
  credential: credentialLabel(credentialId),
  until_ms: untilMs,
  issued: issued === null ? null : credentialLabel(issued),
})
