/** openssl(1) with its engine for PKCS#11 (libp11) and a token's PIN, which goes through a pipe of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { TokenCertificate } from '../credential/credential.ts'

/** So much of what openssl complains of is read. */
export const MAX_COMPLAINT_CHARACTERS = 4096

/** What is run: `pinOption` is what the command calls a passphrase. */
export type OpensslCommand = { readonly name: string; readonly pinOption: '-passin' | '-pass'; readonly args: readonly string[] }

/** Starts a command of it, with its engine. It has no terminal, on which it would ask for a PIN that is not given. */
export function startOpenssl({ name, pinOption, args }: OpensslCommand, { pin }: TokenCertificate): ChildProcess {
  const passphrase = pin === null ? [] : [pinOption, 'fd:3']
  const child = spawn('openssl', [name, '-engine', 'pkcs11', '-keyform', 'engine', ...passphrase, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...tokenEnvironment(process.env), LC_ALL: 'C' },
    detached: true,
  })
  feed(child.stdio[3], pin === null ? '' : `${pin.reveal()}\n`)
  return child
}

/** Gives a program all of its input. One that ended early reads no more, which is told by how it ended. */
function feed(stream: unknown, content: string): void {
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
