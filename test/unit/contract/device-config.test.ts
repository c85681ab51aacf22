import { generateKeyPairSync } from 'node:crypto'
import { CompactSign, exportJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { DEVICE_CONFIG_TYP, openText, sealText, verifyDeviceConfig } from '../../../agent/contract/device-config.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'

const NAME = { account: 'acme', device: 'dev-1' }
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }
const GOOD = { ...NAME, version: 3, hotspots: [{ security: 'open', ssid: 'a' }] }

const sign = (value: unknown, typ: string = DEVICE_CONFIG_TYP): Promise<string> =>
  new CompactSign(Buffer.from(JSON.stringify(value))).setProtectedHeader({ alg: 'ES256', kid: 'k', typ }).sign(privateKey)

describe('a signed configuration', () => {
  it('is believed for the device that it names', async () => {
    expect(await verifyDeviceConfig(await sign(GOOD), keys, NAME)).toEqual({ ok: true, value: { version: 3, hotspots: GOOD.hotspots } })
  })

  it.each<[string, () => Promise<string>]>([
    ['for another device', () => sign({ ...GOOD, device: 'dev-2' })],
    ['for another account', () => sign({ ...GOOD, account: 'evil' })],
    ['without a version', () => sign({ ...GOOD, version: '3' })],
    ['of version 0', () => sign({ ...GOOD, version: 0 })],
    ['without hotspots', () => sign({ ...NAME, version: 3 })],
    ['that is an action', () => sign(GOOD, 'zipkey-action+jwt')],
    [
      'that was changed',
      async () => (await sign(GOOD)).replace(/\.[^.]*\./, `.${Buffer.from(JSON.stringify(GOOD)).toString('base64url')}x.`),
    ],
    ['that is no JWS', async () => 'a.b.c'],
  ])('%s is not believed', async (_, jws) => {
    expect((await verifyDeviceConfig(await jws(), keys, NAME)).ok).toBe(false)
  })
})

describe('a sealed text', () => {
  const deliveryKey = new Uint8Array(32).fill(1)
  const privateKeyPem = newDeviceKey()
  const { chainPem } = certified(privateKeyPem, 'dev-1')

  it('is opened by the secret that it was sealed for, and no other', async () => {
    const jwe = (await sealText('a passphrase', { kind: 'secret', deliveryKey })) ?? ''
    expect(jwe).not.toContain(Buffer.from('a passphrase').toString('base64url'))
    expect(await openText(jwe, { kind: 'secret', deliveryKey })).toEqual({ ok: true, value: 'a passphrase' })
    expect((await openText(jwe, { kind: 'secret', deliveryKey: new Uint8Array(32).fill(2) })).ok).toBe(false)
    expect((await openText(jwe, { kind: 'certificate', privateKeyPem: privateKeyPem.reveal() })).ok).toBe(false)
  })

  it('is opened by the key of the certificate that it was sealed for, and no other', async () => {
    const jwe = (await sealText('a passphrase', { kind: 'certificate', pem: chainPem })) ?? ''
    expect(await openText(jwe, { kind: 'certificate', privateKeyPem: privateKeyPem.reveal() })).toEqual({ ok: true, value: 'a passphrase' })
    expect((await openText(jwe, { kind: 'certificate', privateKeyPem: newDeviceKey().reveal() })).ok).toBe(false)
    expect((await openText(jwe, { kind: 'secret', deliveryKey })).ok).toBe(false)
  })
})
