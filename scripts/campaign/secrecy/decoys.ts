/** A secret of nobody's for each channel, and the records by which it is planted there in every form. */
import { randomBytes } from 'node:crypto'
import type { DeviceName } from '../../../agent/contract/names.ts'
import type { Channel } from './channels.ts'
import { encodeAmongOthers } from './encodings.ts'
import { formsOf } from './finder.ts'
import { deviceSecret, plantedToken, type SoughtSecret } from './secret.ts'

/** A decoy: what is looked for, and what is planted, form by form. */
export type Decoy = {
  readonly channel: Channel
  readonly secrets: readonly SoughtSecret[]
  /** The token among them, as it was planted: whoever finds a token must be able to tell it from a real one. */
  readonly token: SoughtSecret
  readonly records: readonly Buffer[]
}

const FACTORY: DeviceName = { account: 'decoy', device: 'SN-0' }

/** An argument ends at a zero byte and a line at a line break; a decoy has neither, nor have the keys derived from it. */
const isPlantable = ({ shapes }: SoughtSecret): boolean =>
  shapes.every(({ value }) => ![0x00, 0x0a, 0x0d].some((forbidden) => value.includes(forbidden)))

/** Draws a decoy. */
export function drawDecoy(channel: Channel): Decoy {
  for (;;) {
    const family = deviceSecret('decoy', randomBytes(32), FACTORY, 'decoy.invalid')
    if (!family.every(isPlantable)) continue
    const token = plantedToken(`planted in ${channel}`, randomBytes(12).toString('hex'))
    const records = [...family, token].flatMap(formsOf).map(({ encoding, value }) => encodeAmongOthers(encoding, value))
    return { channel, secrets: [...family, token], token, records }
  }
}

/** One record a line. */
export const asLines = ({ records }: Decoy): Buffer => Buffer.concat(records.flatMap((record) => [record, Buffer.from('\n')]))

/** One record after the other, each ended by a zero byte, as xargs -0 takes them. */
export const asArguments = ({ records }: Decoy): Buffer => Buffer.concat(records.flatMap((record) => [record, Buffer.alloc(1)]))

/** Arguments of dbus-send, which writes them as arrays of bytes. */
export const asBusArguments = ({ records }: Decoy): Buffer =>
  Buffer.concat(records.map((record) => Buffer.from(`array:byte:${[...record].join(',')}\0`)))

const PACKET_BYTES = 1300

/** Records packed so that each packet fits a frame. */
export function asPackets({ records }: Decoy): readonly Buffer[] {
  const packets: Buffer[][] = [[]]
  let size = 0
  for (const record of records) {
    if (size + record.length > PACKET_BYTES) {
      packets.push([])
      size = 0
    }
    packets.at(-1)?.push(record, Buffer.from('\n'))
    size += record.length + 1
  }
  return packets.map((each) => Buffer.concat(each))
}
