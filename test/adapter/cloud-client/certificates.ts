/** A certificate authority for one test run, by the openssl program: it issues what a test asks for, whatever its dates. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate, the chain below the root that goes with it, and its key; all PEM. */
export type Issued = { readonly chainPem: string; readonly keyPem: string }

/** What a certificate is to be like; everything else is as it should be. */
export type Wanted = {
  readonly subjectAltName?: string
  readonly notBefore?: string
  readonly notAfter?: string
  readonly isCa?: boolean
  readonly keyUsage?: string
  readonly extendedKeyUsage?: string
  /** Whether it says by key ids which key issued it; without them only names and the signature do. */
  readonly hasKeyIds?: boolean
}

const CONFIG = `[ca]
default_ca = tester
[tester]
dir = .
database = ./index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
`

const DEFAULTS = {
  subjectAltName: 'DNS:localhost,IP:127.0.0.1',
  notBefore: '20200101000000Z',
  notAfter: '20991231000000Z',
  isCa: false,
  keyUsage: 'digitalSignature',
  extendedKeyUsage: 'serverAuth',
  hasKeyIds: true,
}

const AUTHORITY = { isCa: true, keyUsage: 'keyCertSign', subjectAltName: '', extendedKeyUsage: '' }

/** One authority, in a folder of its own; an intermediate one is below another. */
export class TestAuthority {
  readonly certificatePem: string
  readonly #folder: string
  readonly #chainPem: string

  private constructor(folder: string, chainPem: string) {
    this.#folder = folder
    this.#chainPem = chainPem
    this.certificatePem = readFileSync(join(folder, 'ca.crt'), 'utf8')
  }

  /** A root; `wanted` may give it other dates. */
  static root(name: string, wanted: Pick<Wanted, 'notBefore' | 'notAfter' | 'hasKeyIds'> = {}): TestAuthority {
    const folder = newFolder()
    newKey(folder, 'ca', name)
    sign(folder, 'ca', { ...DEFAULTS, ...AUTHORITY, ...wanted }, ['-selfsign', '-keyfile', 'ca.key'])
    return new TestAuthority(folder, '')
  }

  /** An authority below this one; `wanted` may make it one that it should not be. */
  intermediate(name: string, wanted: Wanted = {}): TestAuthority {
    const { chainPem, keyPem } = this.issue({ ...AUTHORITY, ...wanted }, name)
    const folder = newFolder()
    writeFileSync(join(folder, 'ca.crt'), chainPem)
    writeFileSync(join(folder, 'ca.key'), keyPem, { mode: 0o600 })
    return new TestAuthority(folder, chainPem)
  }

  issue(wanted: Wanted = {}, name = 'localhost'): Issued {
    newKey(this.#folder, 'leaf', name)
    sign(this.#folder, 'leaf', { ...DEFAULTS, ...wanted }, ['-cert', 'ca.crt', '-keyfile', 'ca.key'])
    const read = (file: string): string => readFileSync(join(this.#folder, file), 'utf8')
    return { chainPem: read('leaf.crt') + this.#chainPem, keyPem: read('leaf.key') }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-pki-'))
  writeFileSync(join(folder, 'openssl.cnf'), CONFIG)
  writeFileSync(join(folder, 'index.txt'), '')
  return folder
}

const openssl = (folder: string, args: readonly string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
}

function newKey(folder: string, file: string, name: string): void {
  openssl(folder, ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${file}.key`])
  openssl(folder, ['req', '-new', '-config', 'openssl.cnf', '-key', `${file}.key`, '-subj', `/CN=${name}`, '-out', `${file}.csr`])
}

function sign(folder: string, file: string, wanted: Required<Wanted>, signer: readonly string[]): void {
  const extensions = [
    `basicConstraints = critical,CA:${wanted.isCa}`,
    `keyUsage = critical,${wanted.keyUsage}`,
    ...(wanted.subjectAltName === '' ? [] : [`subjectAltName = ${wanted.subjectAltName}`]),
    ...(wanted.extendedKeyUsage === '' ? [] : [`extendedKeyUsage = ${wanted.extendedKeyUsage}`]),
    ...(wanted.hasKeyIds ? [] : ['subjectKeyIdentifier = none', 'authorityKeyIdentifier = none']),
  ]
  writeFileSync(join(folder, 'extensions.cnf'), extensions.join('\n'))
  const dates = ['-startdate', wanted.notBefore, '-enddate', wanted.notAfter]
  const common = ['-batch', '-notext', '-config', 'openssl.cnf', '-extfile', 'extensions.cnf']
  openssl(folder, ['ca', ...common, ...signer, ...dates, '-in', `${file}.csr`, '-out', `${file}.crt`])
}
