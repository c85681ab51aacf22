/**
 * TLS to the Cloud API with a key in a token, by `openssl s_client`: the agent speaks HTTP through its stdin and stdout. It sends
 * nothing before the server's chain and name are proved, and ends where they are not.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import type { TokenCertificate } from '../credential/credential.ts'
import { AgentError } from '../failure.ts'
import type { TlsServer } from '../ports.ts'
import { MAX_COMPLAINT_CHARACTERS, startOpenssl } from './openssl-process.ts'
import { whyConnectionFailed } from './token-failure.ts'

const MAX_CHAIN_LENGTH = '8'

/** Connects; whatever goes wrong is told by the connection's error. Certificates are public, and the only thing that stands in files. */
export async function connectByToken(credential: TokenCertificate, server: TlsServer): Promise<Duplex> {
  const { folder, ca, own } = await certificateFiles(server.caPem, credential.chainPem).catch((error: unknown) => {
    throw new AgentError('ERR_STORE_IO', `certificates cannot be written below ${tmpdir()}`, { cause: error })
  })
  const args = [...serverArguments(server, ca), '-cert', own, '-key', credential.keyUri]
  const child = startOpenssl({ name: 's_client', pinOption: '-pass', args }, credential)
  return new OpensslConnection(child, () => rm(folder, { recursive: true, force: true }))
}

async function certificateFiles(caPem: string, chainPem: string) {
  const folder = await mkdtemp(join(tmpdir(), 'zipkey-tls-'))
  const [ca, own] = [join(folder, 'ca.pem'), join(folder, 'own.pem')]
  await Promise.all([writeFile(ca, caPem), writeFile(own, chainPem)])
  return { folder, ca, own }
}

function serverArguments({ host, port }: TlsServer, caFile: string): readonly string[] {
  const isAddress = isIP(host) !== 0
  return [
    ...['-connect', isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`],
    ...(isAddress ? ['-noservername', '-verify_ip', host] : ['-servername', host, '-verify_hostname', host]),
    ...['-CAfile', caFile, '-no-CApath', '-no-CAstore', '-verify', MAX_CHAIN_LENGTH, '-verify_return_error'],
    ...['-min_protocol', 'TLSv1.2', '-alpn', 'http/1.1', '-quiet', '-nocommands'],
  ]
}

class OpensslConnection extends Duplex {
  readonly #child: ChildProcess
  readonly #clearUp: () => Promise<void>
  #complaint = ''

  constructor(child: ChildProcess, clearUp: () => Promise<void>) {
    super()
    this.#child = child
    this.#clearUp = clearUp
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout?.pause()
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT_CHARACTERS)
    })
    // What cannot be written any more is told by how the program ended.
    child.stdin?.on('error', () => {})
    child.on('error', (error) => this.destroy(whyConnectionFailed(error.message)))
    child.on('close', (exitCode) => {
      if (exitCode === 0) this.push(null)
      else this.destroy(whyConnectionFailed(this.#complaint))
    })
  }

  override _read(): void {
    this.#child.stdout?.resume()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#child.stdin?.write(chunk, () => done())
  }

  override _final(done: () => void): void {
    this.#child.stdin?.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill('SIGKILL')
    this.#clearUp().then(
      () => done(error),
      () => done(error),
    )
  }
}
