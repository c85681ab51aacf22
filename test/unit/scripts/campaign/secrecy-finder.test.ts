import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { makeCertificateRequest } from '../../../../agent/contract/certificate.ts'
import { CHANNEL_NAMES } from '../../../../scripts/campaign/secrecy/channels.ts'
import { drawDecoy } from '../../../../scripts/campaign/secrecy/decoys.ts'
import { ENCODINGS, encodeAmongOthers } from '../../../../scripts/campaign/secrecy/encodings.ts'
import { Finder, formsOf } from '../../../../scripts/campaign/secrecy/finder.ts'
import { bareKey, deviceKey, keyWithText, privateNumberIn } from '../../../../scripts/campaign/secrecy/secret.ts'

const noise = (length: number): Buffer => randomBytes(length)
const key = Buffer.from('c0ffee00fb00ff11223344556677889900aabbccddeeff0123456789abcdef3f', 'hex')

describe('the finder of the secrecy campaign', () => {
  it.each(ENCODINGS)('finds a secret as %s, at the beginning, in the middle and at the end', (encoding) => {
    const finder = new Finder([bareKey('key', key)])
    const planted = encodeAmongOthers(encoding, key)
    for (const [before, after] of [
      [0, 50],
      [5001, 5000],
      [50, 0],
    ] as const) {
      const found = finder.search(Buffer.concat([noise(before), planted, noise(after)]))
      expect(found.map((finding) => finding.encoding)).toContain(encoding)
    }
  })

  it.each([
    ['hex', (bytes: Buffer) => bytes.toString('hex')],
    ['base64 of user and secret', (bytes: Buffer) => Buffer.concat([Buffer.from('lab-hotspot:'), bytes]).toString('base64')],
    ['base64 behind two bytes', (bytes: Buffer) => Buffer.concat([Buffer.from('i:'), bytes, Buffer.from('x')]).toString('base64url')],
    ['a dump that shows sixteen bytes', (bytes: Buffer) => (bytes.subarray(0, 16).toString('hex').match(/../g) ?? []).join(' ')],
    ['half of it', (bytes: Buffer) => bytes.subarray(16).toString('hex').toUpperCase()],
  ])('finds %s as another program writes it', (_, write) => {
    const text = `before ${write(key)} after`
    expect(new Finder([bareKey('key', key)]).search(Buffer.from(text))).not.toEqual([])
  })

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const sec1 = privateKey.export({ type: 'sec1', format: 'der' })

  it.each([
    ['PEM of PKCS#8', Buffer.from(pkcs8)],
    ['PEM of PKCS#8 in JSON', Buffer.from(JSON.stringify({ privateKey: pkcs8 }))],
    ['PEM of SEC 1', privateKey.export({ type: 'sec1', format: 'pem' })],
    ['PKCS#8', privateKey.export({ type: 'pkcs8', format: 'der' })],
    ['PKCS#8 in hex', Buffer.from(privateKey.export({ type: 'pkcs8', format: 'der' }).toString('hex'))],
    ['PKCS#8 in base64url', Buffer.from(privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64url'))],
    ['SEC 1', sec1],
    ['SEC 1 in lines of 76 characters', Buffer.from(sec1.toString('base64').replace(/.{76}/g, '$&\n'))],
    ['JWK', Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' })))],
    ['its number alone', privateNumberIn(pkcs8)],
  ])('finds a private key as %s', (_, written) => {
    const finder = new Finder(deviceKey('key', pkcs8))
    const found = finder.search(Buffer.concat([noise(1000), Buffer.from(written), noise(1000)]))
    expect(found.map(({ secret }) => secret)).toContain('key')
  })

  it('does not take a public key, a certificate request or an encrypted key for the private one', () => {
    const finder = new Finder(deviceKey('key', pkcs8))
    const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    for (const harmless of [
      createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }),
      makeCertificateRequest(privateKey, { account: 'a', device: 'd' }),
      encrypted,
    ])
      expect(finder.search(Buffer.from(harmless))).toEqual([])
  })

  it('finds nothing in what holds no secret, nor in a quarter of one', () => {
    const finder = new Finder([keyWithText('key', 'zks_', key)])
    expect(finder.search(noise(1 << 20))).toEqual([])
    expect(finder.search(key.subarray(0, 8))).toEqual([])
    expect(finder.search(Buffer.alloc(0))).toEqual([])
  })

  it('says how often and where first', () => {
    const data = Buffer.concat([noise(100), key, noise(10), key])
    const found = new Finder([bareKey('key', key)]).search(data).filter(({ encoding }) => encoding === 'raw')
    // Two halves, twice.
    expect(found).toMatchObject([{ secret: 'key', shape: 'bytes', offset: 100, count: 4 }])
  })
})

describe('a decoy', () => {
  it.each(CHANNEL_NAMES)('of %s is found in every form in its own records, and no other decoy is', (channel) => {
    const decoy = drawDecoy(channel)
    const data = Buffer.concat(decoy.records.flatMap((record) => [record, Buffer.from('\n')]))
    const forms = new Set(new Finder(decoy.secrets).search(data).map(({ secret, shape, encoding }) => `${secret} ${shape} ${encoding}`))
    expect(forms.size).toBe(decoy.secrets.flatMap(formsOf).length)
    expect(new Finder(drawDecoy(channel).secrets).search(data)).toEqual([])
  })

  it('has each form in a record of its own', () => {
    const { records, secrets } = drawDecoy('journal')
    for (const [index, form] of secrets.flatMap(formsOf).entries()) {
      const found = new Finder(secrets).search(records[index] ?? Buffer.alloc(0))
      expect(found).toContainEqual(expect.objectContaining({ secret: form.secret, shape: form.shape, encoding: form.encoding }))
    }
  })
})
