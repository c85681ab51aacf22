/** openssl(1) with its engine for PKCS#11 (libp11) and a token's PIN, which goes through a pipe of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { TokenCertificate } from '../credential/credential.ts'

/** So much of what openssl complains of is read. */
export const MAX_COMPLAINT_CHARACTERS = 4096

/** Starts a command of it, to which `-engine` and its key form are added; `pinOption` is what the command calls a passphrase. */
export function startOpenssl(args: readonly string[], { pin }: TokenCertificate, pinOption: '-passin' | '-pass'): ChildProcess {
  const passphrase = pin === null ? [] : [pinOption, 'fd:3']
  const child = spawn('openssl', [...args, '-engine', 'pkcs11', '-keyform', 'engine', ...passphrase], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...tokenEnvironment(process.env), LC_ALL: 'C' },
  })
  feed(child.stdio[3], pin === null ? '' : `${pin.reveal()}\n`)
  return child
}

/** Gives a program all of its input. One that ended early reads no more, which is told by how it ended. */
export function feed(stream: unknown, content: string | Uint8Array): void {
  if (!isWritable(stream)) return
  stream.on('error', () => {})
  stream.end(content)
}

const isWritable = (stream: unknown): stream is NodeJS.WritableStream =>
  typeof stream === 'object' && stream !== null && 'end' in stream && 'on' in stream

/** What OpenSSL, p11-kit and modules are configured by; nothing else of the agent's environment concerns them. */
function tokenEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = /^(PATH|HOME|PKCS11_MODULE_PATH|OPENSSL_(CONF|ENGINES)|P11_KIT_.*|SOFTHSM2_CONF|TPM2_PKCS11_.*|TSS2_.*)$/
  return Object.fromEntries(Object.entries(environment).filter(([name]) => kept.test(name)))
}
