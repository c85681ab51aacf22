/** Flashes one device: looks first, writes, reads back. */
import { posix } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'
import { parseJson } from '../../../config/json.ts'
import { CONFIG_NAME, type DeviceContent } from '../batch/batch-record.ts'
import { type FileAccess, type Target, TargetError } from '../target/target.ts'

/** What is to be on a device, and where. */
export type FlashOrder = {
  readonly id: string
  readonly contents: readonly DeviceContent[]
  /** The folder on the device. */
  readonly folder: string
  readonly access: FileAccess
  /** Write over another device's credential. */
  readonly replace: boolean
  /** Only look. */
  readonly dryRun: boolean
}

/** What became of it. */
export type Flashed = 'flashed' | 'already there' | 'would be flashed'

/** Flashes; a TargetError says why not. */
export async function flashDevice(target: Target, order: FlashOrder): Promise<Flashed> {
  const places = order.contents.map(({ name, bytes }) => ({ name, bytes, path: posix.join('/', order.folder, name) }))
  const present = new Map<string, Uint8Array | null>()
  for (const { path } of places) present.set(path, await target.read(path))
  if (places.every(({ path, bytes }) => same(present.get(path) ?? null, bytes))) return 'already there'
  if (!order.replace) for (const place of places) refuseForeign(order.id, place, present.get(place.path) ?? null)
  if (order.dryRun) return 'would be flashed'
  for (const { path, bytes } of places) await target.write(path, bytes, order.access)
  for (const { path, bytes } of places)
    if (!same(await target.read(path), bytes))
      throw new TargetError(`${path} reads back other than it was written: try again, or replace the medium`)
  return 'flashed'
}

const same = (a: Uint8Array | null, b: Uint8Array): boolean => a !== null && Buffer.from(a).equals(b)

function refuseForeign(id: string, { name, bytes, path }: DeviceContent & { readonly path: string }, present: Uint8Array | null): void {
  if (present === null || present.length === 0 || same(present, bytes)) return
  const found = name === CONFIG_NAME ? idIn(present) : null
  if (found === id) return
  // A golden config names no device; what tells devices apart there is their credential.
  if (found === '' && idIn(bytes) === '') return
  const whose = found === null || found === '' ? 'something else' : `the config of ${found}`
  throw new TargetError(`${path} holds ${whose}: check that this is ${id}, and say --replace if it is`)
}

/** The device id in a config; empty where it is read from the device, null where this is no config. */
export function idIn(config: Uint8Array): string | null {
  const json = parseJson(Buffer.from(config).toString('utf8'))
  if (!json.ok || !isObject(json.value) || !isObject(json.value.device)) return null
  const { id, idFrom } = json.value.device
  return typeof id === 'string' ? id : idFrom === undefined || idFrom === null ? null : ''
}
