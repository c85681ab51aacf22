import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { formatPlaceUri, placeIn } from '../../../../cloud/issuer/certificate-place.ts'
import { makeCa, signDeviceCertificate } from '../../../../cloud/issuer/device-certificate.ts'

const NOW_MS = 1_795_000_000_000
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

type Ca = {
  readonly certificate: X509Certificate
  readonly sign: (account: string, device: string, placeNumber: number) => Promise<X509Certificate>
}

async function caOf(): Promise<Ca> {
  const { certificatePem, keyPem } = await makeCa(NOW_MS)
  const certificate = new X509Certificate(certificatePem)
  const by = { certificate: certificate.raw, privateKey: createPrivateKey(keyPem) }
  const sign: Ca['sign'] = async (account, device, placeNumber) =>
    new X509Certificate(await signDeviceCertificate(by, { account, device }, publicKey, { nowMs: NOW_MS, days: null, placeNumber }))
  return { certificate, sign }
}

let ca: Ca
let other: Ca
beforeAll(async () => {
  ca = await caOf()
  other = await caOf()
})

test.each([
  ['acme', 'SN-1', 1],
  ['a', 'v1.2_x-9', 9_999_999_999],
  ['a-very-long-account-name-31-abc', 'D'.repeat(63), 500_007],
])('a certificate says whose it is, %s/%s, and its place, %i', async (account, device, placeNumber) => {
  expect(placeIn(await ca.sign(account, device, placeNumber), ca.certificate)).toEqual({ name: { account, device }, placeNumber })
})

test('one of another CA, and a CA itself, say nothing', async () => {
  expect(placeIn(await other.sign('acme', 'SN-1', 1), ca.certificate)).toBeNull()
  expect(placeIn(ca.certificate, ca.certificate)).toBeNull()
})

test('the URI is one that nobody else writes', () => {
  expect(formatPlaceUri({ account: 'acme', device: 'SN-1' }, 3)).toBe('urn:zipkey:issued:3:acme/SN-1')
})
