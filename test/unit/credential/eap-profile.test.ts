import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { deriveHotspotPassword } from '../../../agent/contract/derivation.ts'
import type { Credential } from '../../../agent/credential/credential.ts'
import { canCarry, eapProfile, type TtlsProfile } from '../../../agent/credential/eap-profile.ts'
import type { EapSettings, HotspotProfile } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'

const KEY = new Uint8Array(32).fill(3)
const IDENTITY = { account: 'acme', device: 'dev-1', realm: 'zipkey.example' }
const SECRET_ID = 'm1-1-aaaaaaaaaaaaaaaa-aaaaaaaaaaaaa'
const TEMPORARY: Credential = { kind: 'temporary-secret', id: { kind: 'temporary', keyId: 'line-7' }, secret: new Secret(KEY) }
const FLASHED: Credential = { kind: 'shared-secret', id: { kind: 'flashed' }, secret: new Secret(KEY) }
const ISSUED: Credential = { kind: 'shared-secret', id: { kind: 'issued', secretId: SECRET_ID }, secret: new Secret(KEY) }
const SETTINGS: EapSettings = {
  methods: ['TLS', 'TTLS'],
  inner: 'PAP',
  caPem: 'PEM',
  tlsMaxVersion: '1.2',
  serverName: 'aaa.zipkey.example',
  aaaDomain: 'operator.example',
}

const CERTIFICATE = certified(newDeviceKey(), 'dev-1')

function ttls(settings: EapSettings): TtlsProfile {
  const profile = eapProfile(IDENTITY, TEMPORARY, settings, true)
  if (profile.method !== 'TTLS') throw new Error('a secret goes by TTLS')
  return profile
}

describe('the EAP run of a credential', () => {
  it.each([
    [TEMPORARY, 'dev-1+t.line-7@acme.zipkey.example'],
    [ISSUED, `dev-1+s.${SECRET_ID}@acme.zipkey.example`],
    [FLASHED, 'dev-1@acme.zipkey.example'],
  ])('names the device and the credential inside the tunnel only', (credential, innerIdentity) => {
    const profile = eapProfile(IDENTITY, credential, SETTINGS, true)
    expect(profile).toMatchObject({ method: 'TTLS', innerIdentity, outerIdentity: 'anonymous@acme.zipkey.example' })
  })

  it("shows the operator's own password, not the secret", () => {
    const profile = ttls(SETTINGS)
    expect(profile.password.reveal()).toBe(deriveHotspotPassword(KEY, IDENTITY, 'operator.example'))
    const elsewhere = ttls({ ...SETTINGS, aaaDomain: 'other.example' })
    expect(elsewhere.password.reveal()).not.toBe(profile.password.reveal())
  })

  it('pins the CA and the server name of the profile', () => {
    expect(eapProfile(IDENTITY, TEMPORARY, SETTINGS, true)).toMatchObject({
      caPem: 'PEM',
      tlsMaxVersion: '1.2',
      serverName: 'aaa.zipkey.example',
    })
  })

  it.each([
    ['PAP', true, 'PAP'],
    ['MSCHAPV2', true, 'MSCHAPV2'],
    ['PAP', false, 'MSCHAPV2'],
    ['MSCHAPV2', false, 'MSCHAPV2'],
  ] as const)('with %s and dates checked: %s uses %s, so no PAP while dates are unchecked', (inner, checkDates, expected) => {
    expect(eapProfile(IDENTITY, TEMPORARY, { ...SETTINGS, inner }, checkDates)).toMatchObject({ inner: expected, checkDates })
  })

  it.each([
    [['TLS', 'PEAP', 'TTLS'], 'PEAP'],
    [['TTLS', 'PEAP', 'PWD'], 'TTLS'],
    [['PWD', 'TTLS'], 'PWD'],
  ] as const)('of what the hotspot offers, %j, is the first that fits: %s', (methods, method) => {
    expect(eapProfile(IDENTITY, TEMPORARY, { ...SETTINGS, methods }, true).method).toBe(method)
  })

  it('by EAP-PWD names the device outside, shows the same password, and has no dates that a wrong clock could spoil', () => {
    const profile = eapProfile(IDENTITY, TEMPORARY, { ...SETTINGS, methods: ['PWD'] }, false)
    expect(profile).toEqual({
      method: 'PWD',
      innerIdentity: 'dev-1+t.line-7@acme.zipkey.example',
      password: ttls(SETTINGS).password,
      checkDates: true,
    })
  })

  it('is none where the hotspot takes no such credential', () => {
    expect(() => eapProfile(IDENTITY, TEMPORARY, { ...SETTINGS, methods: ['TLS'] }, true)).toThrow(/TTLS, PEAP, PWD/)
    expect(() => eapProfile(IDENTITY, CERTIFICATE, { ...SETTINGS, methods: ['TTLS'] }, true)).toThrow(/none of TLS/)
  })

  it('can be printed without showing its password', () => {
    const profile = ttls(SETTINGS)
    expect(inspect(profile, { depth: null }) + JSON.stringify(profile)).not.toContain(profile.password.reveal())
  })
})

describe('the EAP run of a certificate', () => {
  it.each([true, false])(
    'shows the account and nothing else of the device outside, and pins CA and name; dates checked: %s',
    (checkDates) => {
      expect(eapProfile(IDENTITY, CERTIFICATE, SETTINGS, checkDates)).toEqual({
        method: 'TLS',
        outerIdentity: 'anonymous@acme.zipkey.example',
        fingerprint: CERTIFICATE.id.fingerprint,
        chainPem: CERTIFICATE.chainPem,
        privateKeyPem: CERTIFICATE.privateKeyPem,
        caPem: 'PEM',
        tlsMaxVersion: '1.2',
        serverName: 'aaa.zipkey.example',
        checkDates,
      })
    },
  )

  it('can be printed without showing its key', () => {
    const profile = eapProfile(IDENTITY, CERTIFICATE, SETTINGS, true)
    expect(inspect(profile, { depth: null }) + JSON.stringify(profile)).not.toContain('PRIVATE KEY')
  })
})

describe('a hotspot', () => {
  it.each([
    [['TTLS'], true, false],
    [['TLS'], false, true],
    [['TLS', 'TTLS'], true, true],
    [['PEAP'], true, false],
    [['PWD', 'TLS'], true, true],
  ] as const)('that offers %j takes a secret: %s, a certificate: %s', (methods, takesSecret, takesCertificate) => {
    const hotspot: HotspotProfile = { security: 'wired-eap', eap: { ...SETTINGS, methods } }
    for (const secret of [TEMPORARY, FLASHED, ISSUED]) expect(canCarry(hotspot, secret)).toBe(takesSecret)
    expect(canCarry(hotspot, CERTIFICATE)).toBe(takesCertificate)
  })

  it('without 802.1X takes any credential, since it sees none', () => {
    const hotspot: HotspotProfile = { security: 'open', ssid: new Uint8Array(1), hidden: false, frequenciesMhz: [], login: null }
    for (const credential of [TEMPORARY, CERTIFICATE]) expect(canCarry(hotspot, credential)).toBe(true)
  })
})
