import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deviceCertificate, parseDeviceKey } from '../../../agent/credential/certificate.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'

const key = newDeviceKey()
const own = certified(key, 'dev-1').chainPem
const issuer = certified(newDeviceKey(), 'ca').chainPem
const pemOf = (options: { readonly namedCurve: string }): string =>
  generateKeyPairSync('ec', options).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

describe('a certificate and a private key', () => {
  it('are a credential when they belong together, called by the certificate', () => {
    const credential = deviceCertificate(own, key)
    expect(credential).toEqual({ ok: true, value: certifiedAs(own) })
  })

  it('keep the issuers, and nothing that stood around', () => {
    const credential = deviceCertificate(`Subject: x\n${own}\n\n${issuer}trailing`, key)
    expect(credential).toMatchObject({ ok: true, value: { chainPem: own + issuer } })
  })

  it.each([
    ['of two devices', own, newDeviceKey(), 'the certificate is of another key'],
    ['the wrong way round', issuer + own, key, 'the certificate is of another key'],
    ['without a certificate', '', key, 'there is no PEM certificate'],
    ['with a damaged key', own, new Secret(key.reveal().slice(0, 80)), 'the private key is damaged'],
    ['with more issuers than any chain has', own + issuer.repeat(8), key, 'a certificate chain has at most 8 certificates'],
  ])('are none %s', (_, chainPem, privateKeyPem, problem) => {
    expect(deviceCertificate(chainPem, privateKeyPem)).toEqual({ ok: false, problem })
  })
})

const certifiedAs = (chainPem: string) => ({
  kind: 'certificate',
  id: { kind: 'certificate', fingerprint: expect.stringMatching(/^[a-z2-7]{52}$/) },
  chainPem,
  privateKeyPem: key,
})

describe('a key that a device made', () => {
  it('is of P-256 and of no other curve', () => {
    expect(parseDeviceKey(key.reveal()).ok).toBe(true)
    expect(parseDeviceKey(pemOf({ namedCurve: 'P-384' }))).toEqual({ ok: false, problem: 'the private key is not of P-256' })
  })

  it('is never quoted where it is refused', () => {
    const broken = key.reveal().replace(/[A-Z]/g, 'A')
    expect(JSON.stringify(parseDeviceKey(broken))).toBe('{"ok":false,"problem":"the private key is damaged"}')
  })
})
