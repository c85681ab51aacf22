/** Certificates for laboratories: P-256, made by the openssl program. Nothing here is for the field. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from './run-program.ts'

/** A certificate and its key as PEM files. */
export type CertificateFiles = { readonly certificateFile: string; readonly keyFile: string }

/** What a server certificate says; dates as `openssl ca` takes them, `YYYYMMDDHHMMSSZ`. */
export type ServerCertificate = {
  readonly name: string
  readonly dnsName: string
  readonly dates?: { readonly from: string; readonly to: string }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const VALID_DAYS = '3650'

/** Makes a certificate authority in the folder. */
export async function createAuthority(folder: string, name: string): Promise<CertificateFiles> {
  const files = filesOf(folder, name)
  const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  const output = ['-keyout', files.keyFile, '-out', files.certificateFile]
  await runProgram('openssl', ['req', '-x509', ...NEW_KEY, '-days', VALID_DAYS, '-subj', `/CN=${name}`, ...extensions, ...output])
  return files
}

/** Has the authority issue a certificate for a TLS or AAA server. */
export async function issueServer(folder: string, authority: CertificateFiles, server: ServerCertificate): Promise<CertificateFiles> {
  const files = filesOf(folder, server.name)
  const request = join(folder, `${server.name}.csr`)
  const config = join(folder, `${server.name}.cnf`)
  await writeFile(config, issuingConfig(folder, server))
  await writeFile(join(folder, `${server.name}.index`), '')
  await runProgram('openssl', ['req', '-new', ...NEW_KEY, '-subj', `/CN=${server.dnsName}`, '-keyout', files.keyFile, '-out', request])
  const dates = server.dates === undefined ? ['-days', VALID_DAYS] : ['-startdate', server.dates.from, '-enddate', server.dates.to]
  const signing = ['-cert', authority.certificateFile, '-keyfile', authority.keyFile, '-in', request, '-out', files.certificateFile]
  await runProgram('openssl', ['ca', '-batch', '-notext', '-config', config, ...dates, ...signing])
  return files
}

const DEVICE = 'basicConstraints = CA:FALSE\nextendedKeyUsage = clientAuth\n'
const INTERMEDIATE = 'basicConstraints = critical,CA:TRUE,pathlen:0\nkeyUsage = critical,keyCertSign\n'

/** Has the authority issue a certificate for a device. */
export const issueClient = (folder: string, authority: CertificateFiles, name: string): Promise<CertificateFiles> =>
  issueWith(folder, authority, name, DEVICE)

/** Has the authority issue another one, which signs in its stead. */
export const issueAuthority = (folder: string, authority: CertificateFiles, name: string): Promise<CertificateFiles> =>
  issueWith(folder, authority, name, INTERMEDIATE)

async function issueWith(folder: string, authority: CertificateFiles, name: string, extensions: string): Promise<CertificateFiles> {
  const files = filesOf(folder, name)
  const [request, extensionFile] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)]
  await writeFile(extensionFile, extensions)
  await runProgram('openssl', ['req', '-new', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', files.keyFile, '-out', request])
  const signing = ['-CA', authority.certificateFile, '-CAkey', authority.keyFile, '-CAcreateserial', '-days', VALID_DAYS]
  await runProgram('openssl', ['x509', '-req', '-in', request, ...signing, '-extfile', extensionFile, '-out', files.certificateFile])
  return files
}

const filesOf = (folder: string, name: string): CertificateFiles => ({
  certificateFile: join(folder, `${name}.pem`),
  keyFile: join(folder, `${name}.key`),
})

/** `openssl ca` is the one command of OpenSSL 3.0 that lets the dates be chosen; it wants a database. */
const issuingConfig = (folder: string, { name, dnsName }: ServerCertificate): string => `[ca]
default_ca = lab
[lab]
database = ${join(folder, `${name}.index`)}
new_certs_dir = ${folder}
default_md = sha256
rand_serial = yes
policy = any
x509_extensions = server
unique_subject = no
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:${dnsName}
`
