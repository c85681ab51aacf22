/**
 * Reading the device id from the device (`device.idFrom`). The text is normalised in one stated way: NUL bytes and surrounding
 * white space go; a MAC address becomes its 12 hex digits in lower case; a machine id is hashed, since machine-id(5) asks not to
 * show it. Nothing else is changed: a text outside the alphabet of device ids is refused rather than mapped, since two devices
 * might map to one id. Placeholders that firmware ships with are refused too.
 */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseDeviceId } from '../agent/contract/names.ts'
import { isObject, type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'
import { whyUnreadable } from './content.ts'
import type { Reader } from './reader.ts'
import { listed } from './words.ts'

/** Where a device id may be read from. */
export type DeviceIdSource = { readonly file: string } | 'device-tree-serial' | 'dmi' | 'machine-id'

const FIRMWARE_FILES = {
  'device-tree-serial': '/sys/firmware/devicetree/base/serial-number',
  dmi: '/sys/class/dmi/id/product_serial',
  'machine-id': '/etc/machine-id',
} as const

const PLACEHOLDERS = [
  'to be filled by o.e.m.',
  'default string',
  'system serial number',
  'chassis serial number',
  'serial number',
  'not specified',
  'not applicable',
  'not available',
  'unknown',
  'none',
  'n/a',
  'invalid',
  'oem',
  'uninitialized',
  '0123456789',
  '123456789',
  '1234567890',
]
const MAC_ADDRESS = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i
const LOCALLY_ADMINISTERED = 0x02

/** A device id that was read, and what is doubtful about it. */
export type FoundDeviceId = { readonly id: string; readonly doubt: string | null }

/** Reads the device id. `baseDirectory` is where a relative file starts, `systemRoot` where the device's own file system does. */
export function readDeviceId(source: DeviceIdSource, baseDirectory: string, systemRoot: string): Parsed<FoundDeviceId> {
  const file = isObject(source) ? resolve(baseDirectory, source.file) : join(systemRoot, FIRMWARE_FILES[source])
  try {
    const found = normalise(readFileSync(file, 'utf8'), source === 'machine-id')
    return found.ok ? found : unparsed(`${file}: ${found.problem}`)
  } catch (error) {
    return unparsed(whyUnreadable(file, error))
  }
}

/** The stated normalisation. */
export function normalise(raw: string, isMachineId: boolean): Parsed<FoundDeviceId> {
  const text = raw.replaceAll('\0', '').trim()
  if (text === '') return unparsed('is empty: give device.id instead')
  if (isPlaceholder(text)) return unparsed('holds a placeholder that many devices share: give device.id instead')
  if (isMachineId) return parsed({ id: hashMachineId(text), doubt: null })
  if (MAC_ADDRESS.test(text)) return parsed({ id: text.replace(/[:-]/g, '').toLowerCase(), doubt: doubtOfMac(text) })
  const id = parseDeviceId(text)
  return id.ok ? parsed({ id: id.value, doubt: null }) : unparsed(`${id.problem}; what it holds does not fit: give device.id instead`)
}

function isPlaceholder(text: string): boolean {
  const digits = text.replace(/[:.\-\s]/g, '').toLowerCase()
  return PLACEHOLDERS.includes(text.toLowerCase()) || /^(.)\1*$/.test(digits)
}

/** As sd_id128_get_machine_app_specific(3) does: keyed by the machine id, so that it cannot be computed back. */
const hashMachineId = (machineId: string): string =>
  createHmac('sha256', machineId.toLowerCase()).update('zipkey/v1 device-id').digest('hex').slice(0, 32)

const doubtOfMac = (mac: string): string | null =>
  (Number.parseInt(mac.slice(0, 2), 16) & LOCALLY_ADMINISTERED) === 0
    ? null
    : 'this MAC address is locally administered and may change at the next start: take the permanent one, or give device.id'

const ID_FROM_DOC =
  'Where to read the device id. NUL bytes and surrounding white space are dropped; a MAC address becomes its 12 hex digits in lower case; a machine id is hashed; anything else outside the alphabet of device ids, and placeholders of firmware, are refused.'

/** `device.idFrom`. */
export const deviceIdSourceReader: Reader<DeviceIdSource> = {
  doc: ID_FROM_DOC,
  json: () => ({
    description: ID_FROM_DOC,
    anyOf: [
      { enum: Object.keys(FIRMWARE_FILES) },
      {
        type: 'object',
        properties: { file: { type: 'string', minLength: 1, description: 'A file, such as /sys/class/net/eth0/address.' } },
        required: ['file'],
        additionalProperties: false,
      },
    ],
  }),
  read(value, path, reading) {
    if (value === 'device-tree-serial' || value === 'dmi' || value === 'machine-id') return value
    const file = isObject(value) && Object.keys(value).length === 1 ? value.file : undefined
    if (typeof file === 'string' && file !== '') return { file }
    return void reading.problem(path, `expected ${listed(Object.keys(FIRMWARE_FILES))}, or {"file": "…"}`)
  },
}
