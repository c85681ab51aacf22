import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { parseSecretId } from '../../../../agent/contract/secret-id.ts'
import { createMasterKey } from '../../../../cloud/crypto/master-key.ts'
import { formatPlaceUri, makePlaceId, placeIn } from '../../../../cloud/issuer/certificate-place.ts'
import { makeCa, signDeviceCertificate } from '../../../../cloud/issuer/device-certificate.ts'

const NOW_MS = 1_795_000_000_000
const MASTER = createMasterKey()
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

type Ca = {
  readonly certificate: X509Certificate
  readonly sign: (account: string, device: string, placeId: string, key?: KeyObject) => Promise<X509Certificate>
}

async function caOf(): Promise<Ca> {
  const { certificatePem, keyPem } = await makeCa(NOW_MS)
  const certificate = new X509Certificate(certificatePem)
  const by = { certificate: certificate.raw, privateKey: createPrivateKey(keyPem) }
  const sign: Ca['sign'] = async (account, device, placeId, key = publicKey) =>
    new X509Certificate(await signDeviceCertificate(by, { account, device }, key, { nowMs: NOW_MS, days: null, placeId }))
  return { certificate, sign }
}

const idOf = (account: string, device: string, placeNumber: number): string =>
  makePlaceId(MASTER, { account, device }, placeNumber, publicKey)

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
  const placeId = idOf(account, device, placeNumber)
  expect(placeIn(await ca.sign(account, device, placeId), ca.certificate)).toEqual({ name: { account, device }, placeId })
  expect(parseSecretId(placeId)).toMatchObject({ ok: true, value: { generation: placeNumber } })
})

test('one of another CA, and a CA itself, say nothing', async () => {
  expect(placeIn(await other.sign('acme', 'SN-1', idOf('acme', 'SN-1', 1)), ca.certificate)).toBeNull()
  expect(placeIn(ca.certificate, ca.certificate)).toBeNull()
})

test('an id that was made for another key, as everybody can read it in a certificate, says nothing', async () => {
  const { publicKey: another } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  expect(placeIn(await ca.sign('acme', 'SN-1', idOf('acme', 'SN-1', 1), another), ca.certificate)).toBeNull()
})

test('the URI is one that nobody else writes', () => {
  const placeId = `m1-3-${'a'.repeat(16)}-${'b'.repeat(13)}`
  expect(formatPlaceUri({ name: { account: 'acme', device: 'SN-1' }, placeId })).toBe(`urn:zipkey:issued:${placeId}:acme/SN-1`)
})
