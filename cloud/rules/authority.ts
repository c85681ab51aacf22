/** Which devices a registered CA enrols just in time: by what stands in a certificate that it issued. */
import type { X509Certificate } from 'node:crypto'
import { parseDeviceId } from '../../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import { matchesIdPattern } from './id-pattern.ts'

/** Where in the subject of its certificates a CA puts the device id. */
export const DEVICE_ID_FIELDS = ['CN', 'serialNumber'] as const

/** One of them. */
export type DeviceIdField = (typeof DEVICE_ID_FIELDS)[number]

/** The rules of a registered CA. */
export type AuthorityRules = {
  readonly id: string
  readonly retired: boolean
  /** Device ids and patterns; one that matches is enough. */
  readonly allow: readonly string[]
  readonly deviceIdIn: DeviceIdField
}

/** The device that the certificate is for, if the CA may enrol it now. Whether it is known already is another question. */
export function enrolledByAuthority(certificate: X509Certificate, rules: AuthorityRules, nowMs: number): Parsed<string> {
  if (rules.retired) return unparsed(`certificate authority ${rules.id} is retired`)
  const device = parseDeviceId(subjectField(certificate, rules.deviceIdIn) ?? '')
  if (!device.ok) return unparsed(`the certificate has no device id in ${rules.deviceIdIn}`)
  if (!rules.allow.some((pattern) => matchesIdPattern(pattern, device.value)))
    return unparsed(`certificate authority ${rules.id} does not allow this device id`)
  if (nowMs < Date.parse(certificate.validFrom)) return unparsed('the certificate is not valid yet')
  if (nowMs > Date.parse(certificate.validTo)) return unparsed('the certificate has expired')
  return parsed(device.value)
}

/** A field of the subject that stands there once; null for none, or several. */
export function subjectField(certificate: X509Certificate, field: DeviceIdField): string | null {
  const subject: Readonly<Record<string, unknown>> = { ...certificate.toLegacyObject().subject }
  const value = subject[field]
  return typeof value === 'string' ? value : null
}
