/** The answers of the Cloud API, as far as the factory reads them. */
import { isObject } from '../../../agent/contract/parsed.ts'
import { CloudError } from './cloud-error.ts'

const strange = (): CloudError => new CloudError('the Cloud API gave an answer that this version does not know')

type Json = Readonly<Record<string, unknown>>

function listIn(answer: unknown, member: string): readonly Json[] {
  const list: unknown = isObject(answer) ? answer[member] : null
  if (!Array.isArray(list)) throw strange()
  return list.map((each: unknown) => {
    if (isObject(each)) return each
    throw strange()
  })
}

function textIn(value: Json, member: string): string {
  const text = value[member]
  if (typeof text === 'string') return text
  throw strange()
}

/** What became of a row of a manifest. */
export type RowResult = {
  readonly id: string
  readonly status: 'registered' | 'unchanged' | 'conflict' | 'refused'
  readonly message: string
}

const ROW_STATUSES: readonly RowResult['status'][] = ['registered', 'unchanged', 'conflict', 'refused']

/** Reads what became of a part. */
export const rowResults = (answer: unknown): readonly RowResult[] =>
  listIn(answer, 'results').map((row) => {
    const status = ROW_STATUSES.find((each) => each === row.status)
    if (status === undefined) throw strange()
    return { id: textIn(row, 'id'), status, message: textIn(row, 'message') }
  })

/** What became of a device that was to be revoked. */
export type Revoked = { readonly id: string; readonly status: 'revoked' | 'unchanged' | 'unknown' }

const REVOKED_STATUSES: readonly Revoked['status'][] = ['revoked', 'unchanged', 'unknown']

/** Reads what became of devices that were to be revoked. */
export const revocationResults = (answer: unknown): readonly Revoked[] =>
  listIn(answer, 'results').map((row) => {
    const status = REVOKED_STATUSES.find((each) => each === row.status)
    if (status === undefined) throw strange()
    return { id: textIn(row, 'id'), status }
  })

/** How a device stands: it has no permanent credential yet, has one, or nothing of it is good. */
export type Standing = 'enrolling' | 'permanent' | 'ended'

/** Reads how devices stand, by their ids; those that are not registered are not among them. */
export const standings = (answer: unknown): ReadonlyMap<string, Standing> =>
  new Map(
    listIn(answer, 'devices').map((device) => {
      const isPermanent = device.current !== null || device.flashed === 'good'
      return [textIn(device, 'id'), isPermanent ? 'permanent' : device.temporary === 'open' ? 'enrolling' : 'ended']
    }),
  )

/** How many devices of a batch arrived in its manifest. */
export const arrivedDevices = (answer: unknown): number =>
  listIn(answer, 'parts').reduce((sum, { rows }) => sum + (typeof rows === 'number' ? rows : 0), 0)

/** What the registration key is called. */
export function registrationKeyId(answer: unknown): string {
  if (isObject(answer)) return textIn(answer, 'kid')
  throw strange()
}
