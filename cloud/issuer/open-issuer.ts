/** Opens the CA that the cloud's configuration names. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseCertificateChain } from '../../agent/contract/certificate.ts'
import { type CloudConfig, DataFolderError, dataFiles } from '../data-folder.ts'
import type { DeviceIssuer } from './device-issuer.ts'
import { openExternalCa } from './external-ca.ts'
import { openOwnCa } from './own-ca.ts'

/** The CA elsewhere, where there is one, or the cloud's own. */
export async function openIssuer(folder: string, config: CloudConfig, nowMs: () => number): Promise<DeviceIssuer> {
  const { deviceCa, certificateDays } = config
  const files = dataFiles(folder)
  if (deviceCa === undefined) return openOwnCa(files.deviceCa, certificateDays ?? null, nowMs)
  if (certificateDays !== undefined) {
    throw new DataFolderError(`${files.config}: certificateDays: leave it out, how long a certificate lasts is for deviceCa.command to say`)
  }
  const { command, timeoutMs } = deviceCa
  const path = resolve(folder, deviceCa.ca)
  const text = await readFile(path, 'utf8').catch(() => {
    throw new DataFolderError(`${files.config}: deviceCa.ca: ${path} cannot be read: name the file of the CA certificates (PEM)`)
  })
  const ca = parseCertificateChain(text)
  if (!ca.ok) throw new DataFolderError(`${files.config}: deviceCa.ca: ${path}: ${ca.problem}`)
  return openExternalCa({ command, timeoutMs, ca: ca.value }, nowMs)
}
