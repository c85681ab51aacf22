import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { makeCa, type SigningCa, signDeviceCertificate } from '../../../../cloud/issuer/device-certificate.ts'
import { checkIssuedChain } from '../../../../cloud/issuer/issued-chain.ts'

const NOW_MS = Date.UTC(2026, 10, 24)
const DAY_MS = 86_400_000
const NAME = { account: 'acme', device: 'SN-1' }
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const caOf = async (): Promise<SigningCa & { readonly pem: string }> => {
  const { certificatePem, keyPem } = await makeCa(NOW_MS)
  return { certificate: new X509Certificate(certificatePem).raw, privateKey: createPrivateKey(keyPem), pem: certificatePem }
}

let ca: Awaited<ReturnType<typeof caOf>>
let other: Awaited<ReturnType<typeof caOf>>
beforeAll(async () => {
  ca = await caOf()
  other = await caOf()
})

const sign = (by: SigningCa, change: { device?: string; days?: number; key?: typeof publicKey } = {}) =>
  signDeviceCertificate(by, { ...NAME, device: change.device ?? NAME.device }, change.key ?? publicKey, {
    nowMs: NOW_MS,
    days: change.days ?? null,
    placeId: `m1-1-${'a'.repeat(16)}-${'b'.repeat(13)}`,
  })
const check = (pem: string, nowMs = NOW_MS) =>
  checkIssuedChain(pem, { device: NAME.device, publicKey, ca: [new X509Certificate(ca.pem)], nowMs })

describe('a chain that a CA answered', () => {
  it('is good with or without the CA at its end, and loses what stands around it', async () => {
    const own = await sign(ca)
    expect(check(own)).toEqual({ ok: true, value: own })
    expect(check(`subject=CN = SN-1\n${own}\n${ca.pem}`)).toEqual({ ok: true, value: own + ca.pem })
  })

  it.each([
    ['of another device', () => sign(ca, { device: 'SN-2' }), NOW_MS, /device id/],
    ['of another key', () => sign(ca, { key: createPublicKey(ca.privateKey) }), NOW_MS, /another key/],
    ['by another CA of the same name', () => sign(other), NOW_MS, /does not lead/],
    ['followed by a CA that did not sign it', async () => (await sign(ca)) + other.pem, NOW_MS, /not issued by the next/],
    ['that has ended', () => sign(ca, { days: 1 }), NOW_MS + 2 * DAY_MS, /dates/],
    ['that begins after a while', () => sign(ca), NOW_MS - 2 * DAY_MS, /dates/],
    ['that is no PEM', async () => 'signed', NOW_MS, /no PEM/],
  ])('%s is refused', async (_, pem, nowMs, problem) => {
    const checked = check(await pem(), nowMs)
    expect(checked.ok ? '' : checked.problem).toMatch(problem)
  })

  it('has a serial number of its own each time', async () => {
    const serials = await Promise.all([sign(ca), sign(ca), sign(ca)])
    expect(new Set(serials.map((pem) => new X509Certificate(pem).serialNumber)).size).toBe(3)
  })
})
