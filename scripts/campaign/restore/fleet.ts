/** What the devices of the campaign do before the backup is taken, and in the time that the restore loses. */
import type { Site } from '../cloud/site.ts'
import { ContractDevice, type Held, orderAnswer, type Way } from './contract-device.ts'

/** How a device is in the backup, and what it did in the lost time. */
export type Part =
  /** Not in the backup: it enrolled and swapped. */
  | 'unknown'
  /** Had a token by its temporary secret: it swapped. */
  | 'enrolled'
  /** Had been answered a secret: it proved it. */
  | 'answered'
  /** Had a permanent secret: it rotated it; the last also once more. */
  | 'rotated'
  | 'rotated-twice'
  /** Had a permanent secret: it did nothing, but renew its token. */
  | 'unchanged'
  /** As `rotated`, and then it is away until the window has ended. */
  | 'away'

// Out of ten.
const PARTS: readonly Part[] = [
  'unknown',
  'unknown',
  'unknown',
  'enrolled',
  'answered',
  'rotated',
  'rotated',
  'rotated-twice',
  'unchanged',
  'away',
]

/** A device and its part. */
export type Member = { readonly device: ContractDevice; readonly part: Part }

/** Every fourth device of each part asks for certificates. */
const isCertified = (index: number): boolean => Math.floor(index / PARTS.length) % 4 === 1

/** So many devices. */
export const makeFleet = (site: Site, way: Way, count: number, series: string): readonly Member[] =>
  Array.from({ length: count }, (_, index) => ({
    device: new ContractDevice(way, `${series}-${index}`, site.provisioningKey, isCertified(index) ? 'certificate' : 'secret'),
    part: PARTS[index % PARTS.length] ?? 'unknown',
  }))

/** Whether a restored cloud meets a secret of it that it does not know. */
export const isLost = ({ part }: Member): boolean => part !== 'answered' && part !== 'unchanged'

/** An operator's order for a device. */
export const orderFor = async (site: Site, { name }: ContractDevice): Promise<string> =>
  (await site.api.call('POST', `/v1/accounts/${name.account}/devices/${name.device}/rotation-orders`, orderAnswer)).order

/** Before the backup. */
export async function beforeBackup({ device, part }: Member, answered: Map<ContractDevice, Held>): Promise<void> {
  switch (part) {
    case 'unknown':
      return
    case 'enrolled':
      await device.token(device.temporary)
      return
    case 'answered':
      answered.set(device, await device.next(device.temporary, null))
      return
    case 'rotated':
    case 'rotated-twice':
    case 'unchanged':
    case 'away':
      return device.moveOn(null)
  }
}

/** In the time that will be lost. */
export async function inLostTime(site: Site, { device, part }: Member, answered: Map<ContractDevice, Held>): Promise<void> {
  switch (part) {
    case 'unknown':
    case 'enrolled':
      return device.moveOn(null)
    case 'answered': {
      const next = answered.get(device)
      if (next !== undefined) await device.prove(next)
      return
    }
    case 'rotated-twice':
      await device.moveOn(await orderFor(site, device))
      return device.moveOn(await orderFor(site, device))
    case 'rotated':
    case 'away':
      return device.moveOn(await orderFor(site, device))
    case 'unchanged':
      await device.token(device.held)
      return
  }
}
