/**
 * An issuing CA whose key stays in a token (PKCS#11): openssl(1) signs by its engine for PKCS#11 (libp11). A process of its own for each
 * signature, so that no vendor's module is loaded here; the PIN is handed over as an open file.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { parsePkcs11Uri } from '../../../agent/credential/pkcs11-uri.ts'
import { requirePrivate } from '../keys.ts'
import { TargetError } from '../target/target.ts'

const TIMEOUT_MS = 30_000
const PIN_FD = 3
/** What openssl, p11-kit and modules say when something is wrong, and what that is. */
const COMPLAINTS: readonly (readonly [RegExp, string])[] = [
  [/PIN locked|CKR_PIN_LOCKED/i, 'the token has locked itself after wrong PINs'],
  [/PIN (incorrect|invalid|len range|expired)|CKR_PIN_/i, 'the token refuses the PIN: correct --ca-pin-file before it locks itself'],
  [/No PIN code|not logged in|Login .*required|UI_process failed/i, 'the token asks for a PIN: name --ca-pin-file'],
  [/no matching (initialized )?token|Found 0 slots|No slot|No tokens found/i, 'no token that the URI names is there'],
  [/invalid engine|dso not found|could not load the shared library/i, 'the engine is not here: install libengine-pkcs11-openssl'],
  [/private key was not found|object not found/i, 'the token holds no private key that the URI names'],
]

/** Reads a URI (RFC 7512) that was given as a parameter. */
export function parseTokenUri(uri: string): Parsed<string> {
  if (/pin-(value|source)/.test(uri)) return unparsed('holds a PIN, which everybody sees on the command line: give it by --ca-pin-file')
  return parsePkcs11Uri(uri)
}

/** A key in a token. `pinFile` is its owner's alone, and null where no PIN is asked for. */
export type TokenKey = { readonly uri: string; readonly pinFile: string | null; readonly hash: 'sha256' | 'sha384' }

/**
 * Signs by the key; a TargetError says why not. What is signed stands in a file: openssl reads a PIN that is not given from its stdin,
 * and what stood there would be shown to the token as one.
 */
export function signByToken(key: TokenKey, bytes: Uint8Array): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-sign-'))
  try {
    const file = join(folder, 'data')
    writeFileSync(file, bytes)
    return signFile(key, file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function signFile({ uri, pinFile, hash }: TokenKey, file: string): Uint8Array {
  if (pinFile !== null) requirePrivate(pinFile)
  const pin = pinFile === null ? null : openSync(pinFile, 'r')
  try {
    const passphrase = pin === null ? [] : ['-passin', `fd:${PIN_FD}`]
    const parameters = ['dgst', `-${hash}`, '-engine', 'pkcs11', '-keyform', 'engine', '-sign', uri, ...passphrase, file]
    const { status, stdout, stderr, error } = spawnSync('openssl', parameters, {
      stdio: ['ignore', 'pipe', 'pipe', ...(pin === null ? [] : [pin])],
      env: { ...process.env, LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    if (status === 0 && stdout.length > 0) return stdout
    // After a wrong PIN libp11 ends openssl by a segmentation fault; what it said before still counts.
    throw new TargetError(`${uri}: ${whyNot(error, stderr)}`)
  } finally {
    if (pin !== null) closeSync(pin)
  }
}

function whyNot(error: Error | undefined, stderr: Buffer | null): string {
  if (error !== undefined && 'code' in error) {
    if (error.code === 'ENOENT') return 'openssl is not here: install openssl'
    if (error.code === 'ETIMEDOUT') return `the token did not sign within ${TIMEOUT_MS / 1000} s`
  }
  const said = stderr?.toString('latin1') ?? ''
  return COMPLAINTS.find(([form]) => form.test(said))?.[1] ?? 'the token did not sign'
}
