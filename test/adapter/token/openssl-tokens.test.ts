import { verify, X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenCertificate } from '../../../agent/credential/credential.ts'
import { tokenCertificate } from '../../../agent/credential/flashed-certificate.ts'
import { parsePkcs11Uri } from '../../../agent/credential/pkcs11-uri.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { AgentError, type FailureCode } from '../../../agent/failure.ts'
import { createTokens } from '../../../agent/token/openssl-tokens.ts'
import { usableCredentials } from '../../../agent/token/usable-credentials.ts'
import { OpensslFolder } from '../../fakes/openssl-certificates.ts'
import { SoftToken, type TokenKeyKind } from '../../fakes/soft-token.ts'

const KINDS: Readonly<Record<string, TokenKeyKind>> = { p256: 'EC:prime256v1', p384: 'EC:secp384r1', rsa: 'rsa:2048' }
const never = (): AbortSignal => new AbortController().signal
const before = { ...process.env }

let factory: OpensslFolder
let token: SoftToken

beforeAll(() => {
  factory = new OpensslFolder(mkdtempSync(join(tmpdir(), 'zipkey-hsm-')))
  token = new SoftToken(factory.path, 'zipkey chip')
  Object.assign(process.env, token.environment)
  factory.key('line', 'P-256')
  factory.certificate('line', { issuer: null, isCa: true })
  for (const [name, kind] of Object.entries(KINDS)) {
    token.makeKey(name, kind)
    token.request(name, `/CN=${name}`, join(factory.path, `${name}.csr`))
    factory.sign(name, { issuer: 'line', isCa: false })
  }
})
afterAll(() => {
  process.env = before
  rmSync(factory.path, { recursive: true })
})

type Changes = { readonly uri?: string; readonly pin?: string | null }

function credential(name: string, { uri = token.uri(name), pin = token.pin }: Changes = {}): TokenCertificate {
  const keyUri = parsePkcs11Uri(uri)
  if (!keyUri.ok) throw new Error(keyUri.problem)
  const chain = [new X509Certificate(factory.read(`${name}.pem`)), new X509Certificate(factory.read('line.pem'))]
  const opened = tokenCertificate(chain, keyUri.value, pin === null ? null : new Secret(pin))
  if (!opened.ok) throw new Error(opened.problem)
  return opened.value
}

const codeOf = async (work: Promise<unknown>): Promise<FailureCode | null> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error === null || error instanceof AgentError) return error?.code ?? null
  throw error
}

describe('a key in a token', () => {
  it.each(Object.keys(KINDS))('of kind %s signs in the form of JWS, and proves to be the one of its certificate', async (name) => {
    const data = Buffer.from('what is signed')
    const signature = await createTokens().sign(credential(name), data, never())
    const key = new X509Certificate(factory.read(`${name}.pem`)).publicKey
    const digest = name === 'p384' ? 'sha384' : 'sha256'
    expect(verify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
    await createTokens().check(credential(name), never())
  })

  it.each<[string, FailureCode, () => TokenCertificate]>([
    ['a token that is not there', 'ERR_TOKEN_ABSENT', () => credential('p256', { uri: 'pkcs11:token=another;object=p256' })],
    ['a key that is not in it', 'ERR_TOKEN_KEY', () => credential('p256', { uri: token.uri('nobody') })],
    ['the key of another certificate', 'ERR_TOKEN_KEY', () => credential('p256', { uri: token.uri('p384') })],
    ['a wrong PIN', 'ERR_TOKEN_PIN', () => credential('p256', { pin: 'wrong' })],
    ['no PIN', 'ERR_TOKEN_PIN', () => credential('p256', { pin: null })],
  ])('tells %s as %s', async (_, code, made) => {
    expect(await codeOf(createTokens().check(made(), never()))).toBe(code)
  })

  it('that wants a PIN where none is given is shown nothing else in its place, not even what is to be signed', async () => {
    const lines = Buffer.from('first line\nsecond line\n')
    await expect(createTokens().sign(credential('p256', { pin: null }), lines, never())).rejects.toMatchObject({
      code: 'ERR_TOKEN_PIN',
      message: 'the token asks for a PIN, and none is given',
    })
  })

  it('is not asked again with a PIN that was refused, and is by a new start', async () => {
    const tokens = createTokens()
    expect(await codeOf(tokens.check(credential('p256', { pin: 'wrong' }), never()))).toBe('ERR_TOKEN_PIN')
    // The same certificate with the right PIN: were the token asked, it would sign.
    expect(await codeOf(tokens.sign(credential('p256'), Buffer.from('x'), never()))).toBe('ERR_TOKEN_PIN')
    expect(await codeOf(createTokens().check(credential('p256'), never()))).toBeNull()
  })

  it('can be used again once its token is back', async () => {
    const tokens = createTokens()
    const [here, away] = [join(factory.path, 'tokens'), join(factory.path, 'away')]
    renameSync(here, away)
    mkdirSync(here)
    expect(await codeOf(tokens.check(credential('p256'), never()))).toBe('ERR_TOKEN_ABSENT')
    rmSync(here, { recursive: true })
    renameSync(away, here)
    expect(await codeOf(tokens.check(credential('p256'), never()))).toBeNull()
  })

  it('stops when it is told to', async () => {
    const reason = new Error('the state was left')
    await expect(createTokens().sign(credential('p256'), Buffer.from('x'), AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})

describe('openssl', () => {
  /** A program of that name in front of the real one. */
  async function withOpenssl(script: string, use: () => Promise<unknown>): Promise<void> {
    const folder = mkdtempSync(join(factory.path, 'bin-'))
    writeFileSync(join(folder, 'openssl'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, 'openssl'), 0o755)
    const path = process.env.PATH
    process.env.PATH = `${folder}:${path}`
    await use().finally(() => {
      process.env.PATH = path
    })
  }

  it('is given the PIN through a pipe, and neither as an argument nor in its environment', async () => {
    const seen = join(factory.path, 'seen')
    process.env.ZIPKEY_OF_THE_AGENT = 'no business of a token'
    await withOpenssl(`{ echo "$@"; env; } >${seen}; read -r pin <&3; echo "$pin" >${seen}.pin; printf signature`, async () => {
      await createTokens().sign(credential('rsa'), Buffer.from('x'), never())
    })
    expect(readFileSync(seen, 'utf8')).toMatch(/-passin fd:3/)
    expect(readFileSync(seen, 'utf8')).not.toContain(token.pin)
    expect(readFileSync(seen, 'utf8')).not.toContain('ZIPKEY_OF_THE_AGENT')
    expect(readFileSync(`${seen}.pin`, 'utf8')).toBe(`${token.pin}\n`)
  })

  it.each([
    ['an engine that is not installed', 'echo "invalid engine \\"pkcs11\\"" >&2; exit 1', /libp11/],
    ['a module that cannot be loaded', 'echo "Unable to load module /m.so" >&2; exit 1', /module cannot be loaded/],
    ['whatever else it says, which is not repeated', `echo "pin=secret of the module" >&2; exit 1`, /^the token did not sign$/],
  ])('that complains of %s is told so', async (_, script, message) => {
    await withOpenssl(script, async () => {
      const error: unknown = await createTokens()
        .check(credential('rsa'), never())
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'ERR_TOKEN_ABSENT', message: expect.stringMatching(message) })
    })
  })
})

describe('the credentials that can be used now', () => {
  it('are those whose tokens open, in their order; of the others the first failure is given and each is told', async () => {
    const told: FailureCode[] = []
    const secret = { kind: 'shared-secret', id: { kind: 'flashed' }, secret: new Secret(new Uint8Array(32)) } as const
    const [good, absent, locked] = [
      credential('p256'),
      credential('rsa', { uri: 'pkcs11:token=another;object=rsa' }),
      credential('p384', { pin: 'wrong' }),
    ]
    const { usable, refusal } = await usableCredentials([absent, secret, locked, good], createTokens(), ({ code }) => told.push(code))(
      never(),
    )
    expect(usable).toEqual([secret, good])
    expect([refusal?.code, told]).toEqual(['ERR_TOKEN_ABSENT', ['ERR_TOKEN_ABSENT', 'ERR_TOKEN_PIN']])
  })
})
