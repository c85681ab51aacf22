/** The members that paths, queries and bodies of the operators' routes share. */
import { z } from 'zod'
import { parseAccountId, parseCredentialId, parseDeviceId } from '../../agent/contract/names.ts'
import type { Parsed } from '../../agent/contract/parsed.ts'
import { parseIdPattern } from '../rules/id-pattern.ts'

/** A string that a parser of the contract must accept. */
export const parsedBy = (parse: (text: string) => Parsed<unknown>) =>
  z.string().superRefine((text, context) => {
    const result = parse(text)
    if (!result.ok) context.addIssue({ code: 'custom', message: result.problem })
  })

const account = parsedBy(parseAccountId)

/** A device id. */
export const deviceId = parsedBy(parseDeviceId)

/** A device id or a pattern for some. */
export const idPattern = parsedBy(parseIdPattern)

/** The path of an account. */
export const inAccount = z.object({ account })

/** The path of a device. */
export const ofDevice = z.object({ account, device: deviceId })

/** How a device's credential is called by operators: its id, or `flashed`. */
export const credentialName = parsedBy((text) => parseCredentialId(text === 'flashed' ? null : text))

/** How many entries of a page are asked for. */
export const pageLimit = z.coerce.number().int().min(1).max(1000).default(1000)
