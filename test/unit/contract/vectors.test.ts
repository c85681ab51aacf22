import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAccountId, parseDeviceId, parseInnerIdentity, parseSubject } from '../../../agent/contract/names.ts'
import { isSecretIdOf } from '../../../agent/contract/secret-id.ts'
import { looksLikeSecretText, parseSecretText } from '../../../agent/contract/secret-text.ts'
import { type contractVectors, contractVectorsText } from '../../../scripts/vectors/contract-vectors.ts'

const FOLDER = join(import.meta.dirname, '..', '..', 'vectors')
const pinnedText = readFileSync(join(FOLDER, 'contract-v1.json'), 'utf8')
const pinned = JSON.parse(pinnedText) as Awaited<ReturnType<typeof contractVectors>>

const hex = (text: string): string => Buffer.from(text).toString('hex')

describe('the pinned vectors', () => {
  it('equal what the code computes, byte for byte', async () => {
    expect(await contractVectorsText()).toBe(pinnedText)
  })

  it('hold the check value of the contract: key 00..1f, account acme, device dev-1', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex')
    const derived = pinned.derivations.filter((row) => row.key === key && row.account === 'acme' && row.device === 'dev-1')
    const labels = derived.map((row) => row.label)
    expect(labels).toEqual(['hotspot-password', 'hotspot-password', 'api-key', 'delivery-key', 'temporary-secret', 'issued-secret'])
    expect(new Set(derived.map((row) => row.output)).size).toBe(6)
  })

  it.each(pinned.acceptedSecretTexts)('accept $text', ({ text, bytes }) => {
    expect(parseSecretText('zks_', text)).toEqual({ ok: true, value: new Uint8Array(Buffer.from(bytes, 'hex')) })
  })

  it.each(pinned.refusedSecretTexts)('refuse a secret text: $why', ({ prefix, text }) => {
    const read = parseSecretText(prefix, text)
    expect(read.ok).toBe(false)
    if (!read.ok && text.length > 10) expect(read.problem).not.toContain(text.trim().slice(4))
  })

  it('recognise a secret text in any case of its prefix', () => {
    const misspelt = pinned.refusedSecretTexts.filter((row) => /^zk[sp]_/i.test(row.text))
    expect(misspelt.length).toBeGreaterThan(15)
    for (const { text } of misspelt) expect(looksLikeSecretText(text)).toBe(true)
  })

  it.each(pinned.secretIds)('know the secret id $id as their own', ({ id, masterKey, account, device }) => {
    const key = Buffer.from(masterKey, 'hex')
    expect(isSecretIdOf(id, key, { account, device })).toBe(true)
    expect(isSecretIdOf(id, key, { account, device: `${device}x` })).toBe(false)
    expect(isSecretIdOf(id, Buffer.alloc(32), { account, device })).toBe(false)
  })

  it.each(pinned.identities)('read back $inner', ({ inner, subject, account, device, realm, credential }) => {
    expect(parseInnerIdentity(inner)).toMatchObject({ ok: true, value: { account, device, realm, credentialId: { kind: credential } } })
    expect(parseSubject(subject)).toEqual({ ok: true, value: { account, device } })
  })

  it.each([
    ['account id', parseAccountId, pinned.names.accountIds],
    ['device id', parseDeviceId, pinned.names.deviceIds],
  ] as const)('agree with the parser of an %s', (_, parse, { accepted, refused }) => {
    for (const text of accepted) expect(parse(text), JSON.stringify(text)).toEqual({ ok: true, value: text })
    for (const text of refused) expect(parse(text).ok, JSON.stringify(text)).toBe(false)
  })
})

/** One question to the C program, and the answer that the vectors give. */
type Question = { readonly request: readonly (string | number | null)[]; readonly answer: string }

function questions(): readonly Question[] {
  return [
    ...pinned.derivations.map((row) => ({
      request: ['derive', row.key, row.label, row.account, row.device, row.extra],
      answer: `${row.output} ${'text' in row ? row.text : Buffer.from(row.output, 'hex').toString('base64url')}`,
    })),
    ...pinned.opaqueSecrets.map((row) => ({ request: ['opaque', hex(row.text), row.account, row.device], answer: row.output })),
    ...pinned.secretTexts.map((row) => ({ request: ['format', row.prefix, row.bytes], answer: row.text })),
    ...pinned.acceptedSecretTexts.map((row) => ({ request: ['read', row.prefix, hex(row.text)], answer: row.bytes })),
    ...pinned.refusedSecretTexts.map((row) => ({ request: ['read', row.prefix, hex(row.text)], answer: 'refused' })),
    ...pinned.secretIds.map((row) => ({
      request: ['secret-id', row.masterKeyId, row.masterKey, row.account, row.device, row.generation, row.random],
      answer: row.id,
    })),
    ...pinned.identities.map((row) => ({
      request: ['identity', row.account, row.device, row.realm, row.credentialId],
      answer: `${row.inner} ${row.outer} ${row.subject}`,
    })),
    ...pinned.assertions.map((row) => ({
      request: ['assertion', row.apiKey, row.kid, row.subject, row.audience, row.nowMs, row.jti, row.challenge],
      answer: row.jws,
    })),
    ...pinned.base32.map((row) => ({ request: ['base32', row.bytes], answer: row.text })),
  ]
}

describe('the independent program in C', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-derive-'))
  const program = join(folder, 'derive')

  beforeAll(() => {
    const source = join(FOLDER, 'derive.c')
    execFileSync('cc', ['-Wall', '-Wextra', '-Werror', '-O1', '-o', program, source, '-lcrypto'], { stdio: 'pipe' })
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('gives the same answer to every vector', () => {
    const asked = questions()
    const input = asked.map(({ request }) => request.map((field) => field ?? '-').join('\t')).join('\n')
    const answers = execFileSync(program, { input: `${input}\n`, encoding: 'utf8' })
      .trimEnd()
      .split('\n')
    expect(answers).toEqual(asked.map(({ answer }) => answer))
    expect(answers.length).toBeGreaterThanOrEqual(70)
  })

  it('notices a changed input', () => {
    const row = pinned.derivations[0]
    const input = ['derive', row?.key, row?.label, row?.account, 'dev-2', row?.extra].join('\t')
    expect(execFileSync(program, { input: `${input}\n`, encoding: 'utf8' })).not.toContain(row?.output)
  })
})
