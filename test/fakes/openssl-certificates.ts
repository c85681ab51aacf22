/** Keys and certificates as a factory's openssl makes them, in a folder of files. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const KEY_OPTIONS = {
  'P-256': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'P-521': ['EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  'RSA-1024': ['RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  'RSA-2048': ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  Ed25519: ['Ed25519'],
} as const

/** The kinds of key that can be made. */
export type KeyKind = keyof typeof KEY_OPTIONS

/** Who issues a certificate, null for itself; a CA unless it is a device's; dates as openssl takes them. */
export type CertificateOptions = { readonly issuer: string | null; readonly isCa: boolean; readonly dates?: readonly [string, string] }

/** A folder in which openssl makes `<name>.key` and `<name>.pem`. */
export class OpensslFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Runs openssl in the folder. */
  openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.path, stdio: 'pipe' })
  }

  read(file: string): string {
    return readFileSync(join(this.path, file), 'utf8')
  }

  /** Makes `<name>.key`, in PKCS#8. */
  key(name: string, kind: KeyKind): void {
    this.openssl('genpkey', '-algorithm', ...KEY_OPTIONS[kind], '-out', `${name}.key`)
  }

  /** Makes `<name>.pem` for `<name>.key`. */
  certificate(name: string, options: CertificateOptions): void {
    this.openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
    this.sign(name, options)
  }

  /** Makes `<name>.pem` for the request in `<name>.csr`. `openssl ca` is the one of its commands that takes dates. */
  sign(name: string, { issuer, isCa, dates }: CertificateOptions): void {
    const [from, until] = dates ?? ['20200101000000Z', '20491231235959Z']
    const usage = isCa ? 'basicConstraints=critical,CA:TRUE' : 'extendedKeyUsage=clientAuth'
    const policy = ['database=index.txt', 'rand_serial=yes', 'default_md=sha256', 'policy=any', 'unique_subject=no', 'new_certs_dir=.']
    const sections = ['[ca]', 'default_ca=own', '[own]', ...policy, '[any]', 'commonName=supplied', '[usage]', usage]
    writeFileSync(join(this.path, 'ca.conf'), `${sections.join('\n')}\n`)
    writeFileSync(join(this.path, 'index.txt'), '')
    const by = issuer === null ? ['-selfsign', '-keyfile', `${name}.key`] : ['-cert', `${issuer}.pem`, '-keyfile', `${issuer}.key`]
    const when = ['-startdate', from, '-enddate', until]
    this.openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.conf',
      '-extensions',
      'usage',
      ...by,
      ...when,
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
    )
  }
}
