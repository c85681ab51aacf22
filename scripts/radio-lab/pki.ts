// Keys and certificates of one lab, made on the machine that runs it and kept in `.lab/`.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildOnce } from './lab-folder.ts'
import { runProgram } from './run-program.ts'

/** Host name of the Cloud API, as the hotspot's DNS answers it and its certificate says. */
export const cloudHostName = 'api.zipkey.test'

/** Name in the AAA server's certificate, which a hotspot profile asks for. */
export const aaaServerName = 'aaa.zipkey.test'

/** A certificate with its key, both files in PEM. */
export type CertificateFiles = { certificateFile: string; keyFile: string }

/** Everything that lab and test sign with, or check against. */
export type LabPki = {
  folder: string
  /** CA of the AAA server: goes into the device's hotspot profile. */
  aaaCaFile: string
  aaa: CertificateFiles
  /** From the right CA but with another name. */
  otherName: CertificateFiles
  /** CA of the evil twin, which nobody trusts. */
  evilCaFile: string
  evilAaa: CertificateFiles
  /** CA of the Cloud API's TLS. */
  cloudCaFile: string
  cloud: CertificateFiles
}

const authorities = { 'aaa-ca': 'Lab AAA CA', 'evil-ca': 'Evil CA', 'cloud-ca': 'Lab Cloud CA' } as const
const servers = [
  { file: 'aaa', authority: 'aaa-ca', name: aaaServerName },
  { file: 'other-name', authority: 'aaa-ca', name: 'other.zipkey.test' },
  { file: 'evil-aaa', authority: 'evil-ca', name: aaaServerName },
  { file: 'cloud', authority: 'cloud-ca', name: cloudHostName },
] as const

/** Gives the lab's certificates, made the first time. */
export async function preparePki(): Promise<LabPki> {
  const folder = await buildOnce('pki', '1', async (unfinished) => {
    for (const [file, name] of Object.entries(authorities)) await createAuthority(unfinished, file, name)
    for (const server of servers) await createServerCertificate(unfinished, server)
  })
  const files = (name: string) => ({ certificateFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) })
  return {
    folder,
    aaaCaFile: join(folder, 'aaa-ca.pem'),
    aaa: files('aaa'),
    otherName: files('other-name'),
    evilCaFile: join(folder, 'evil-ca.pem'),
    evilAaa: files('evil-aaa'),
    cloudCaFile: join(folder, 'cloud-ca.pem'),
    cloud: files('cloud'),
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

async function createAuthority(folder: string, file: string, name: string): Promise<void> {
  const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  const output = ['-keyout', join(folder, `${file}.key`), '-out', join(folder, `${file}.pem`)]
  await runProgram('openssl', ['req', '-x509', ...newKey, '-days', '3650', '-subj', `/CN=${name}`, ...extensions, ...output])
}

async function createServerCertificate(folder: string, server: (typeof servers)[number]): Promise<void> {
  const [key, request, certificate] = ['key', 'csr', 'pem'].map((suffix) => join(folder, `${server.file}.${suffix}`)) as [
    string,
    string,
    string,
  ]
  const extensions = join(folder, `${server.file}.extensions`)
  writeFileSync(extensions, `basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:${server.name}\n`)
  await runProgram('openssl', ['req', '-new', ...newKey, '-subj', `/CN=${server.name}`, '-keyout', key, '-out', request])
  const authority = ['-CA', join(folder, `${server.authority}.pem`), '-CAkey', join(folder, `${server.authority}.key`)]
  const signing = ['-in', request, ...authority, '-days', '3650', '-extfile', extensions, '-out', certificate]
  await runProgram('openssl', ['x509', '-req', ...signing])
  rmSync(request)
  rmSync(extensions)
}
