/** The CA of the cloud's own: certificate and private key in one file, so that it is made in one step, and read by its owner alone. */
import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import { link, unlink } from 'node:fs/promises'
import { DataFolderError, readPrivateFile, writePrivateFile } from '../data-folder.ts'
import { placeIn } from './certificate-place.ts'
import { makeCa, signDeviceCertificate } from './device-certificate.ts'
import type { DeviceIssuer } from './device-issuer.ts'

/** Makes the CA's file, unless it is there; a cut leaves it whole or not there, and of two processes one makes it. */
export async function createOwnCa(path: string): Promise<void> {
  const { certificatePem, keyPem } = await makeCa(Date.now())
  const unfinished = `${path}.${randomUUID()}.new`
  await writePrivateFile(unfinished, certificatePem + keyPem)
  try {
    await link(unfinished, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(unfinished)
  }
}

/** Opens the CA, made now in a folder of a version that had none; certificates last for `days`, or for ever. */
export async function openOwnCa(path: string, days: number | null, nowMs: () => number): Promise<DeviceIssuer> {
  const found = await readPrivateFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return null
  })
  if (found === null) await createOwnCa(path)
  const { certificate, privateKey } = parse(path, found ?? (await readPrivateFile(path)))
  return {
    isNew: found === null,
    caPem: certificate.toString(),
    issue: (name, { publicKey }, placeId) =>
      signDeviceCertificate({ certificate: certificate.raw, privateKey }, name, publicKey, { nowMs: nowMs(), days, placeId }),
    placeIn: (shown) => placeIn(shown, certificate),
  }
}

function parse(path: string, text: string) {
  try {
    const [certificate, privateKey] = [new X509Certificate(text), createPrivateKey(text)]
    if (certificate.checkPrivateKey(privateKey)) return { certificate, privateKey }
  } catch {
    // told below
  }
  throw new DataFolderError(`${path} does not hold a CA certificate and its private key: put a copy of it back`)
}
