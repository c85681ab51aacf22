/** A CA elsewhere, asked by a command of the operator's: the request (PEM) on its stdin, the chain (PEM) on its stdout. */
import { execFile } from 'node:child_process'
import type { X509Certificate } from 'node:crypto'
import { type DeviceName, formatSubject } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import type { CertificateRequest } from './certificate-request.ts'
import type { DeviceIssuer } from './device-issuer.ts'
import { checkIssuedChain } from './issued-chain.ts'

/** The command with its arguments, how long it may take, and the CA certificates that its chains lead to. */
export type ExternalCa = {
  readonly command: readonly [string, ...string[]]
  readonly timeoutMs: number
  readonly ca: readonly X509Certificate[]
}

const MAX_OUTPUT_BYTES = 65_536
const MAX_TOLD = 500
const RETRY_AFTER_S = 30
/** A shelf of devices that is switched on at once starts so many programs and no more. */
const MAX_AT_ONCE = 16

/** Opens it. A device that asks again while the command runs gets the answer of that run. */
export function openExternalCa(external: ExternalCa, nowMs: () => number): DeviceIssuer {
  const running = new Map<string, Promise<string>>()
  const ask = async (name: DeviceName, request: CertificateRequest): Promise<string> => {
    const pem = await run(external, name, request.pem)
    const chain = checkIssuedChain(pem, { device: name.device, publicKey: request.publicKey, ca: external.ca, nowMs: nowMs() })
    if (!chain.ok) throw unavailable(new Error(`the answer of deviceCa.command is refused: ${chain.problem}`))
    return chain.value
  }
  return {
    isNew: false,
    placeIn: () => null,
    caPem: external.ca.map((certificate) => certificate.toString()).join(''),
    issue: (name, request) => {
      // What else a request says, a CA might put into the certificate.
      if (request.onlyName !== name.device)
        throw new ApiProblem('invalid-request', 'a certificate request names the device and nothing else')
      const key = `${formatSubject(name)} ${request.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`
      const known = running.get(key)
      if (known !== undefined) return known
      if (running.size >= MAX_AT_ONCE) throw unavailable(new Error(`deviceCa.command runs ${MAX_AT_ONCE} times already`))
      const asked = ask(name, request).finally(() => running.delete(key))
      running.set(key, asked)
      return asked
    },
  }
}

const unavailable = (cause: Error): ApiProblem =>
  new ApiProblem('unavailable', 'the CA for devices gave no certificate', RETRY_AFTER_S, { cause })

function run({ command, timeoutMs }: ExternalCa, name: DeviceName, requestPem: string): Promise<string> {
  const [program, ...parameters] = command
  const env = { ...process.env, ZIPKEY_ACCOUNT: name.account, ZIPKEY_DEVICE: name.device }
  return new Promise((done, failed) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES, env } as const
    const child = execFile(program, parameters, options, (error, stdout, stderr) => {
      if (error === null) return done(stdout)
      const told = stderr.trim().slice(0, MAX_TOLD)
      failed(unavailable(new Error(`deviceCa.command ${howItEnded(error)}${told === '' ? '' : `: ${told}`}`)))
    })
    // A command that does not read to the end still decides by its exit code.
    child.stdin?.on('error', () => {})
    child.stdin?.end(`${requestPem}\n`)
  })
}

function howItEnded(error: { readonly code?: string | number | null; readonly killed?: boolean; readonly message: string }): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'answered too much'
  if (error.killed === true) return 'took too long'
  return typeof error.code === 'number' ? `ended with exit code ${error.code}` : `could not be run: ${error.code ?? error.message}`
}
