import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { base32 } from '../../../agent/contract/base32.ts'
import { certificateFingerprint, makeCertificateRequest, nonceOfKey, parseCertificateChain } from '../../../agent/contract/certificate.ts'
import { formatSwapRequest, parseSwapAnswer } from '../../../agent/contract/swap.ts'

const folder = mkdtempSync(join(tmpdir(), 'certificate-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const openssl = (...parameters: readonly string[]): string => execFileSync('openssl', parameters, { encoding: 'utf8', stdio: 'pipe' })

function selfSigned(name: string): string {
  const subject = ['-subj', `/CN=${name}`, '-days', '1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, `${name}.key`)]
  return openssl('req', '-x509', ...key, ...subject)
}

describe('a certificate request', () => {
  it.each(['dev-1', 'a', 'A'.repeat(63)])('for %s is signed by its key and read by openssl', (device) => {
    const file = join(folder, 'request.der')
    writeFileSync(file, makeCertificateRequest(privateKey, { account: 'acme', device }))
    const text = openssl('req', '-inform', 'DER', '-in', file, '-noout', '-verify', '-subject', '-pubkey')
    expect(text).toContain(`subject=CN = ${device}`)
    expect(text).toContain(publicKey.export({ type: 'spki', format: 'pem' }).toString().trim())
  })
})

describe('the nonce of a key', () => {
  it('is the SHA-256 of its SubjectPublicKeyInfo, and another key has another', () => {
    const spki = (key: KeyObject) =>
      createHash('sha256')
        .update(key.export({ type: 'spki', format: 'der' }))
        .digest('base64url')
    expect(nonceOfKey(publicKey)).toBe(spki(publicKey))
    expect(nonceOfKey(publicKey)).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(nonceOfKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)).not.toBe(nonceOfKey(publicKey))
  })
})

describe('a certificate chain', () => {
  const [own, issuer] = [selfSigned('own'), selfSigned('issuer')]

  it('is read in its order, and named by the SHA-256 of its first certificate', () => {
    const chain = parseCertificateChain(own + issuer)
    expect(chain.ok && chain.value.map(({ subject }) => subject)).toEqual(['CN=own', 'CN=issuer'])
    const fingerprint = certificateFingerprint(new X509Certificate(own).raw)
    expect(fingerprint).toBe(base32(Buffer.from(new X509Certificate(own).fingerprint256.replaceAll(':', ''), 'hex')))
    expect(fingerprint).toMatch(/^[a-z2-7]{52}$/)
  })

  it('comes down in answer to a request, and names the credential', () => {
    const answer = parseSwapAnswer({ certificate: own + issuer })
    expect(answer).toEqual({
      ok: true,
      value: { kind: 'certificate', fingerprint: certificateFingerprint(new X509Certificate(own).raw), chainPem: own + issuer },
    })
  })

  it.each([
    ['nothing', ''],
    ['no certificate', 'certificate'],
    ['a damaged one', own.replace(/[A-Za-z]{10}/, 'AAAAAAAAAA')],
    ['too long a one', own.repeat(9)],
  ])('of %s is refused', (_, pem) => {
    expect(parseCertificateChain(pem).ok).toBe(false)
    expect(parseSwapAnswer({ certificate: pem }).ok).toBe(false)
  })
})

describe('the body of a swap request', () => {
  it.each([
    [{ kind: 'secret', nonce: 'n' } as const, null, { nonce: 'n' }],
    [{ kind: 'secret', nonce: 'n' } as const, 'o', { nonce: 'n', order: 'o' }],
    [{ kind: 'certificate', certificateRequest: Uint8Array.of(1, 2, 3) } as const, null, { csr: 'AQID' }],
    [{ kind: 'certificate', certificateRequest: Uint8Array.of(1, 2, 3) } as const, 'o', { csr: 'AQID', order: 'o' }],
  ])('%j by order %j is %j', (ask, order, body) => {
    expect(formatSwapRequest(ask, order)).toEqual(body)
  })
})
