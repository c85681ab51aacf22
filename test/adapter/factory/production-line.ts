/** A production line: everything that `zipkey-factory` is given, and the built program itself. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { builtProgram } from '../../../scripts/story/programs.ts'

const EXAMPLES = join(import.meta.dirname, '../../../config/examples')
const READER = join(import.meta.dirname, 'read-registration.py')

/** What a run of the program said, and how it ended. */
export type Ended = { readonly code: number | string | null; readonly stdout: string; readonly stderr: string }

/** One part of a manifest, as another program reads it. */
export type ReadPart = {
  readonly jwe: Readonly<Record<string, unknown>>
  readonly jws: Readonly<Record<string, unknown>>
  readonly text: string
}

/** The provisioning key of the line. */
export const PROVISIONING_KEY = Uint8Array.from({ length: 32 }, (_, index) => index)

/** Runs openssl. */
export const openssl = (...parameters: readonly string[]): string =>
  execFileSync('openssl', parameters, { encoding: 'utf8', stdio: 'pipe' })

/** A folder with keys, CA and profiles; gone when the test, or what `whenOver` waits for, is over. */
export class ProductionLine {
  readonly folder: string

  constructor(whenOver: (act: () => void) => void = onTestFinished, parent = tmpdir()) {
    this.folder = mkdtempSync(join(parent, 'zipkey-line-'))
    whenOver(() => rmSync(this.folder, { recursive: true, force: true }))
    this.#makeAuthorities()
    const cloud = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.put('cloud.key', cloud.privateKey.export({ format: 'pem', type: 'pkcs8' }))
    this.put('cloud.pub.json', JSON.stringify(cloud.publicKey.export({ format: 'jwk' })))
    this.put('line-7.key', formatSecretText('zkp_', PROVISIONING_KEY))
    const example = JSON.parse(readFileSync(join(EXAMPLES, 'temporary-derived-secret.json'), 'utf8'))
    const [hotspot] = example.hotspots
    this.put(
      'hotspot.json',
      JSON.stringify({ ...hotspot, eap: { ...hotspot.eap, methods: ['TLS', 'TTLS'], ca: { file: join(EXAMPLES, 'aaa-ca.pem') } } }),
    )
  }

  #makeAuthorities(): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
    const root = ['-keyout', this.path('root.key'), '-out', this.path('root.pem')]
    openssl('req', '-x509', ...key, '-subj', '/CN=Acme Root', '-days', '30', ...extensions, ...root)
    const signed = ['-CA', this.path('root.pem'), '-CAkey', this.path('root.key')]
    const own = ['-keyout', this.path('ca.key'), '-out', this.path('ca.pem')]
    openssl('req', '-x509', ...key, '-subj', '/CN=Line 7', '-days', '20', ...extensions, ...signed, ...own)
    chmodSync(this.path('ca.key'), 0o600)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  put(name: string, content: string | Uint8Array, mode = 0o600): string {
    writeFileSync(this.path(name), content, { mode })
    return this.path(name)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  /** Runs the program to its end. `before` stands before it, such as a tracer. */
  run(parameters: readonly string[], before: readonly string[] = []): Promise<Ended> {
    const [program = '', ...rest] = [...before, process.execPath, builtProgram('zipkey-factory'), ...parameters]
    return new Promise((resolve) => {
      execFile(program, rest, { cwd: this.folder, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.signal ?? error.code ?? null), stdout, stderr })
      })
    })
  }

  /** Starts the program, for who wants to interrupt it. */
  start(parameters: readonly string[]) {
    return spawn(process.execPath, [builtProgram('zipkey-factory'), ...parameters], { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Makes the factory's key. */
  async makeFactoryKey(): Promise<void> {
    const made = await this.run(['key', 'create', '--out', 'factory.key'])
    if (made.code !== 0) throw new Error(made.stderr)
  }

  /** `batch create` with what all batches of the line have in common, and without labels. */
  batch(out: string, ...more: readonly string[]): readonly string[] {
    return this.labelled(out, '--no-labels', ...more)
  }

  /** The same with labels. */
  labelled(out: string, ...more: readonly string[]): readonly string[] {
    const device = ['--account', 'acme', '--realm', 'zipkey.example', '--hotspot', 'hotspot.json']
    const cloud = ['--cloud-url', 'https://api.zipkey.example', '--cloud-ca-file', join(EXAMPLES, 'cloud-ca.pem')]
    const keys = ['--signing-keys-file', join(EXAMPLES, 'cloud-jwks.json')]
    const registration = ['--registration-key', 'cloud.pub.json', '--factory-key', 'factory.key']
    return ['batch', 'create', ...device, ...cloud, ...keys, ...registration, '--out', out, ...more]
  }

  /** The options of certificate credentials. */
  readonly certificates = ['--credential', 'certificate', '--ca-file', 'ca.pem', '--ca-key-file', 'ca.key'] as const

  /** The parts of a manifest, as another program reads it. */
  readManifest(file: string): readonly ReadPart[] {
    const parameters = [READER, this.path('cloud.key'), this.path('factory.key.pub.json'), this.path(file)]
    const lines = execFileSync('/usr/bin/python3', parameters, { encoding: 'utf8', maxBuffer: 64 << 20 })
    return lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
}
