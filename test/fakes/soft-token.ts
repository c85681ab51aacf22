/** A token (SoftHSM 2) in a folder: a real PKCS#11 module whose keys do not leave it, opened through p11-kit as any other. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where Debian has its module. */
const MODULE = '/usr/lib/softhsm/libsofthsm2.so'

/** The kinds of key that can be made in it. */
export type TokenKeyKind = 'EC:prime256v1' | 'EC:secp384r1' | 'rsa:2048'

/** A token with a label and a PIN; whoever uses it needs `environment`. */
export class SoftToken {
  readonly label: string
  readonly pin = '4711 is the PIN'
  readonly environment: Readonly<Record<string, string>>

  /** Initializes it below `folder`. */
  constructor(folder: string, label: string) {
    this.label = label
    const tokens = join(folder, 'tokens')
    mkdirSync(tokens, { recursive: true })
    const conf = join(folder, 'softhsm2.conf')
    writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
    this.environment = { SOFTHSM2_CONF: conf }
    this.#run('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', this.pin, '--so-pin', 'the SO PIN'])
  }

  /** Makes a key in the token. */
  makeKey(object: string, kind: TokenKeyKind): void {
    const id = createHash('sha256').update(object).digest('hex').slice(0, 16)
    const login = ['--module', MODULE, '--token-label', this.label, '--login', '--pin', this.pin]
    this.#run('pkcs11-tool', [...login, '--keypairgen', '--key-type', kind, '--label', object, '--id', id])
  }

  /** The URI of a key. */
  uri(object: string): string {
    return `pkcs11:token=${encodeURIComponent(this.label)};object=${encodeURIComponent(object)}`
  }

  /** A certificate request by a key in the token, as a line makes it: by openssl, with the PIN in a file. */
  request(object: string, subject: string, file: string): void {
    const pinFile = `${file}.pin`
    writeFileSync(pinFile, `${this.pin}\n`, { mode: 0o600 })
    const key = ['-engine', 'pkcs11', '-keyform', 'engine', '-key', `${this.uri(object)};type=private`, '-passin', `file:${pinFile}`]
    this.#run('openssl', ['req', '-new', ...key, '-subj', subject, '-out', file])
  }

  #run(program: string, args: readonly string[]): void {
    execFileSync(program, args, { env: { ...process.env, ...this.environment }, stdio: 'pipe' })
  }
}
