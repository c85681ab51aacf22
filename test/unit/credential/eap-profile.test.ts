import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { deriveHotspotPassword } from '../../../agent/contract/derivation.ts'
import type { Credential } from '../../../agent/credential/credential.ts'
import { eapProfile } from '../../../agent/credential/eap-profile.ts'
import type { EapSettings } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'

const KEY = new Uint8Array(32).fill(3)
const IDENTITY = { account: 'acme', device: 'dev-1', realm: 'zipkey.example' }
const SECRET_ID = 'm1-1-aaaaaaaaaaaaaaaa-aaaaaaaaaaaaa'
const TEMPORARY: Credential = { kind: 'temporary-secret', id: { kind: 'temporary', keyId: 'line-7' }, secret: new Secret(KEY) }
const FLASHED: Credential = { kind: 'shared-secret', id: { kind: 'flashed' }, secret: new Secret(KEY) }
const ISSUED: Credential = { kind: 'shared-secret', id: { kind: 'issued', secretId: SECRET_ID }, secret: new Secret(KEY) }
const SETTINGS: EapSettings = {
  methods: ['TTLS'],
  inner: 'PAP',
  caPem: 'PEM',
  serverName: 'aaa.zipkey.example',
  aaaDomain: 'operator.example',
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
    const profile = eapProfile(IDENTITY, TEMPORARY, SETTINGS, true)
    expect(profile.password.reveal()).toBe(deriveHotspotPassword(KEY, IDENTITY, 'operator.example'))
    const elsewhere = eapProfile(IDENTITY, TEMPORARY, { ...SETTINGS, aaaDomain: 'other.example' }, true)
    expect(elsewhere.password.reveal()).not.toBe(profile.password.reveal())
  })

  it('pins the CA and the server name of the profile', () => {
    expect(eapProfile(IDENTITY, TEMPORARY, SETTINGS, true)).toMatchObject({ caPem: 'PEM', serverName: 'aaa.zipkey.example' })
  })

  it.each([
    ['PAP', true, 'PAP'],
    ['MSCHAPV2', true, 'MSCHAPV2'],
    ['PAP', false, 'MSCHAPV2'],
    ['MSCHAPV2', false, 'MSCHAPV2'],
  ] as const)('with %s and dates checked: %s uses %s, so no PAP while dates are unchecked', (inner, checkDates, expected) => {
    expect(eapProfile(IDENTITY, TEMPORARY, { ...SETTINGS, inner }, checkDates)).toMatchObject({ inner: expected, checkDates })
  })

  it('can be printed without showing its password', () => {
    const profile = eapProfile(IDENTITY, TEMPORARY, SETTINGS, true)
    expect(inspect(profile, { depth: null }) + JSON.stringify(profile)).not.toContain(profile.password.reveal())
  })
})
