/** Where the Cloud API is, whom to trust, and the operator's key: the file that `zipkey-cloud` works by. */
import { dirname, resolve } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'
import { parseJson } from '../../../config/json.ts'
import { InputError, readText } from '../inputs.ts'
import { requirePrivate } from '../keys.ts'

/** A way to the Cloud API. `serverName` is the name in its certificate, where it is not the one in the URL. */
export type CloudAccess = {
  readonly file: string
  readonly url: string
  readonly ca: string
  readonly operatorKey: string
  readonly serverName: string | null
}

/** The option that names the file. */
export const CLIENT_OPTION = ['--client <file>', 'where the Cloud API is and who you are (default: $ZIPKEY_CLOUD_CLIENT)'] as const

/** The file that is meant; null where none is named. */
export const clientFileOf = (option: string | undefined): string | null => option ?? process.env.ZIPKEY_CLOUD_CLIENT ?? null

/** Reads the file; files that it names are relative to it. */
export function readClientFile(option: string | undefined): CloudAccess {
  const file = clientFileOf(option)
  if (file === null) throw new InputError('--client: name the client file of an operator of this account, or set ZIPKEY_CLOUD_CLIENT')
  const json = parseJson(readText(file))
  if (!json.ok) throw new InputError(`${file}: ${json.problem}`)
  const { url, ca, operatorKey, serverName = null } = isObject(json.value) ? json.value : {}
  if (typeof url !== 'string' || !/^https:\/\/./.test(url)) throw new InputError(`${file}: url: expected https://…`)
  if (typeof ca !== 'string') throw new InputError(`${file}: ca: expected the file of the CA of the cloud's certificate`)
  if (typeof operatorKey !== 'string') throw new InputError(`${file}: operatorKey: expected the file that holds the operator key`)
  if (serverName !== null && typeof serverName !== 'string') throw new InputError(`${file}: serverName: expected a name`)
  const at = (name: string): string => resolve(dirname(file), name)
  const key = readText(at(operatorKey)).trim()
  requirePrivate(at(operatorKey))
  return { file, url, ca: readCa(at(ca)), operatorKey: key, serverName }
}

function readCa(file: string): string {
  const text = readText(file)
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new InputError(`${file}: holds no certificate (PEM)`)
  return text
}
