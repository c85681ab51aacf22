import { createPrivateKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TlsProfile, TokenTlsProfile, TtlsProfile } from '../../../agent/credential/eap-profile.ts'
import type { PlainHotspot } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { Bss } from '../../../agent/ports.ts'
import { type BssSecurity, blobsOf, type NetworkBlock, networkBlock } from '../../../agent/wifi/network-block.ts'
import { newDeviceKey } from '../../fakes/device-ca.ts'

const SETTINGS = {
  methods: ['TTLS'],
  inner: 'PAP',
  caPem: 'x',
  tlsMaxVersion: '1.2',
  serverName: 'aaa.zipkey.test',
  aaaDomain: 'zipkey.test',
} as const
const RADIO: Bss = {
  bssid: '02:00:00:00:01:00',
  frequencyMhz: 2437,
  signalDbm: -50,
  preference: 0,
  managementFrames: 'protected',
  passpoint: null,
  hotspot: { security: 'wpa-eap', ssid: Buffer.from([0x22, 0x0a, 0xff]), hidden: false, frequenciesMhz: [], eap: SETTINGS },
}
const WIRED: Bss = { ...RADIO, frequencyMhz: 0, hotspot: { security: 'wired-eap', eap: SETTINGS } }
const PROTECTED: BssSecurity = { keyManagement: ['WPA-EAP', 'WPA-EAP-SHA256'], managementFrames: 'protected' }
const EAP: TtlsProfile = {
  method: 'TTLS',
  inner: 'PAP',
  outerIdentity: 'anonymous@acme.zipkey.test',
  innerIdentity: 'dev-1@acme.zipkey.test',
  password: new Secret('pass"\nword'),
  caPem: 'x',
  tlsMaxVersion: '1.2',
  serverName: 'aaa.zipkey.test',
  checkDates: true,
}

const TLS: TlsProfile = {
  method: 'TLS',
  outerIdentity: 'anonymous@acme.zipkey.test',
  fingerprint: 'a'.repeat(52),
  chainPem: 'the chain',
  privateKeyPem: newDeviceKey(),
  caPem: 'x',
  tlsMaxVersion: '1.2',
  serverName: 'aaa.zipkey.test',
  checkDates: true,
}
/** SHA-256 of "x", its first half. */
const CA_BLOB = 'zipkey-ca-2d711642b726b04401627ca9fbac32f5'

/** What wpa_supplicant would be told: signature and value. */
const told = (block: NetworkBlock): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(block).map(([key, held]) => {
      const { signature, value } = held as { signature: string; value: unknown }
      return [key, `${signature}:${Buffer.isBuffer(value) ? value.toString('latin1') : String(value)}`]
    }),
  )

describe('the network block', () => {
  it('names exactly one BSS on exactly one channel', () => {
    expect(told(networkBlock(RADIO, PROTECTED, EAP))).toMatchObject({
      ssid: 'ay:"\n\u00ff',
      bssid: 's:02:00:00:00:01:00',
      scan_freq: 's:2437',
      freq_list: 's:2437',
      key_mgmt: 's:WPA-EAP WPA-EAP-SHA256',
    })
  })

  it('names the SSID that a Passpoint hotspot happens to have, and proves as at any other', () => {
    const profile = { security: 'passpoint', realm: 'zipkey.test', roamingConsortiums: [], homeDomain: null, eap: SETTINGS } as const
    const bss: Bss = { ...RADIO, hotspot: profile, passpoint: { ssid: Buffer.from('Harbour'), isVisited: false } }
    const { ssid: _, ...rest } = told(networkBlock(RADIO, PROTECTED, EAP))
    expect(told(networkBlock(bss, PROTECTED, EAP))).toEqual({ ...rest, ssid: 'ay:Harbour' })
  })

  it.each([RADIO, WIRED])('always asks for CA and name, and shows the outer identity only', (bss) => {
    expect(told(networkBlock(bss, PROTECTED, EAP))).toMatchObject({
      eap: 's:TTLS',
      ca_cert: `s:blob://${CA_BLOB}`,
      domain_match: 'ay:aaa.zipkey.test',
      anonymous_identity: 'ay:anonymous@acme.zipkey.test',
      identity: 'ay:dev-1@acme.zipkey.test',
    })
  })

  it('passes what comes from outside as bytes, so that quotes and line feeds stay what they are', () => {
    const block = told(networkBlock(RADIO, PROTECTED, EAP))
    expect(block.password).toBe('ay:pass"\nword')
    for (const key of ['ssid', 'identity', 'anonymous_identity', 'password', 'domain_match']) expect(block[key]).toMatch(/^ay:/)
  })

  it.each([
    ['requires protected management frames where the BSS has them', 'protected', 'i:2'],
    ['does without where it has not', 'open', 'i:0'],
  ] as const)('%s', (_, managementFrames, expected) => {
    expect(told(networkBlock(RADIO, { ...PROTECTED, managementFrames }, EAP)).ieee80211w).toBe(expected)
  })

  it('relaxes the dates and nothing else when dates are not checked', () => {
    const strict = told(networkBlock(RADIO, PROTECTED, EAP))
    expect(strict).not.toHaveProperty('phase1')
    const { phase1, ...rest } = told(networkBlock(RADIO, PROTECTED, { ...EAP, checkDates: false }))
    expect(phase1).toBe('s:tls_disable_time_checks=1')
    expect(rest).toEqual(strict)
  })

  it.each(['PAP', 'MSCHAPV2'] as const)('has %s inside the tunnel', (inner) => {
    expect(told(networkBlock(RADIO, PROTECTED, { ...EAP, inner })).phase2).toBe(`s:auth=${inner}`)
  })

  it.each([
    ['1.3', true, 's:tls_disable_tlsv1_3=0'],
    ['1.3', false, 's:tls_disable_time_checks=1 tls_disable_tlsv1_3=0'],
    ['1.2', true, undefined],
  ] as const)('with TLS %s at most and dates checked: %s has phase1 %s', (tlsMaxVersion, checkDates, expected) => {
    for (const eap of [EAP, TLS]) expect(told(networkBlock(RADIO, PROTECTED, { ...eap, tlsMaxVersion, checkDates })).phase1).toBe(expected)
  })

  it('has MSCHAPv2 inside the tunnel of PEAP, and is else like TTLS', () => {
    const { inner: _, ...tunnel } = EAP
    const expected = { ...told(networkBlock(RADIO, PROTECTED, { ...EAP, inner: 'MSCHAPV2' })), eap: 's:PEAP' }
    expect(told(networkBlock(RADIO, PROTECTED, { ...tunnel, method: 'PEAP' }))).toEqual(expected)
  })

  it('has for EAP-PWD no certificate and no outer identity, and needs no blob', () => {
    const { innerIdentity, password } = EAP
    const pwd = { method: 'PWD', innerIdentity, password, checkDates: true } as const
    const block = told(networkBlock(RADIO, PROTECTED, pwd))
    expect(block).toMatchObject({ eap: 's:PWD', identity: 'ay:dev-1@acme.zipkey.test', password: 'ay:pass"\nword' })
    for (const key of ['phase1', 'phase2', 'ca_cert', 'anonymous_identity']) expect(block).not.toHaveProperty(key)
    expect(blobsOf(pwd)).toEqual([])
  })

  it('has no SSID, channel or key management of a radio on a wire', () => {
    const block = told(networkBlock(WIRED, PROTECTED, EAP))
    expect(block.key_mgmt).toBe('s:IEEE8021X')
    for (const key of ['ssid', 'bssid', 'scan_freq', 'ieee80211w']) expect(block).not.toHaveProperty(key)
  })

  it('shows with a certificate the outer identity alone, and refers to chain and key by names that tell neither', () => {
    const block = told(networkBlock(RADIO, PROTECTED, TLS))
    expect(block).toMatchObject({
      eap: 's:TLS',
      identity: 'ay:anonymous@acme.zipkey.test',
      ca_cert: `s:blob://${CA_BLOB}`,
      domain_match: 'ay:aaa.zipkey.test',
      client_cert: `s:blob://zipkey-cert-${TLS.fingerprint}`,
      private_key: `s:blob://zipkey-key-${TLS.fingerprint}`,
    })
    for (const key of ['phase2', 'password', 'anonymous_identity']) expect(block).not.toHaveProperty(key)
    expect(block.private_key_passwd).toMatch(/^ay:[A-Za-z0-9_-]{43}$/)
  })

  it('with a key in a token gives its URI and PIN, and no blob of a key', () => {
    const { privateKeyPem: _, ...shown } = TLS
    const eap: TokenTlsProfile = { ...shown, keyUri: 'pkcs11:object=dev;type=private', pin: new Secret('47"11') }
    const block = told(networkBlock(RADIO, PROTECTED, eap))
    expect(block).toMatchObject({ private_key: 'ay:pkcs11:object=dev;type=private', pin: 'ay:47"11' })
    expect(block).toMatchObject({ client_cert: `s:blob://zipkey-cert-${TLS.fingerprint}` })
    expect(block).not.toHaveProperty('private_key_passwd')
    expect(told(networkBlock(RADIO, PROTECTED, { ...eap, pin: null }))).not.toHaveProperty('pin')
    expect(blobsOf(eap).map(({ name }) => name)).toEqual([CA_BLOB, `zipkey-cert-${TLS.fingerprint}`])
  })

  it('relaxes the dates and nothing else with a certificate too', () => {
    const strict = told(networkBlock(RADIO, PROTECTED, TLS))
    const { phase1, ...rest } = told(networkBlock(RADIO, PROTECTED, { ...TLS, checkDates: false }))
    expect(phase1).toBe('s:tls_disable_time_checks=1')
    expect(rest).toEqual(strict)
  })
})

describe('what wpa_supplicant keeps in memory', () => {
  it('is the CA for a password, and chain and key as well for a certificate', () => {
    expect(blobsOf(EAP)).toEqual([{ name: CA_BLOB, text: 'x' }])
    expect(blobsOf(TLS)).toEqual([
      { name: CA_BLOB, text: 'x' },
      { name: `zipkey-cert-${TLS.fingerprint}`, text: 'the chain' },
      { name: `zipkey-key-${TLS.fingerprint}`, text: expect.stringMatching(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/) },
    ])
  })

  it('is a key that only the block can open, however often it was written', () => {
    const passphrase = told(networkBlock(RADIO, PROTECTED, TLS)).private_key_passwd?.slice('ay:'.length)
    for (let write = 0; write < 2; write++) {
      const text = blobsOf(TLS).at(-1)?.text ?? ''
      const opened = createPrivateKey({ key: text, passphrase }).export({ type: 'pkcs8', format: 'pem' })
      expect(opened).toBe(TLS.privateKeyPem.reveal())
      expect(() => createPrivateKey({ key: text, passphrase: 'another' })).toThrow()
    }
  })

  it('has another name where another CA is meant', () => {
    expect(blobsOf({ ...EAP, caPem: 'y' })[0]?.name).not.toBe(CA_BLOB)
  })
})

describe('the network block of a plain hotspot', () => {
  const radio = { ssid: Buffer.from('ZipKey'), hidden: false, frequenciesMhz: [], login: null }
  const blockOf = (hotspot: PlainHotspot, keyManagement: BssSecurity['keyManagement']) =>
    told(networkBlock({ ...RADIO, hotspot }, { keyManagement, managementFrames: 'protected' }, null))
  const passphrase = new Secret('it\'s "quoted"')

  it('gives an SAE password as bytes, with protected management frames', () => {
    expect(blockOf({ ...radio, security: 'sae', passphrase }, ['SAE'])).toMatchObject({
      key_mgmt: 's:SAE',
      ieee80211w: 'i:2',
      sae_password: 'ay:it\'s "quoted"',
    })
  })

  it('gives a WPA2 passphrase as text, and a key in hex as bytes', () => {
    expect(blockOf({ ...radio, security: 'psk', passphrase }, ['WPA-PSK']).psk).toBe('s:it\'s "quoted"')
    const key = new Secret('41'.repeat(32))
    expect(blockOf({ ...radio, security: 'psk', passphrase: key }, ['WPA-PSK']).psk).toBe(`ay:${'A'.repeat(32)}`)
  })

  it('never lets OWE fall back to an open twin', () => {
    expect(blockOf({ ...radio, security: 'owe' }, ['OWE'])).toMatchObject({ key_mgmt: 's:OWE', owe_only: 'i:1' })
  })

  it('has no key for an open one', () => {
    const block = blockOf({ ...radio, security: 'open' }, ['NONE'])
    expect(block.key_mgmt).toBe('s:NONE')
    for (const key of ['psk', 'sae_password', 'identity', 'password']) expect(block).not.toHaveProperty(key)
  })

  it('asks for a hidden one by its name, and for no other', () => {
    expect(blockOf({ ...radio, security: 'open' }, ['NONE']).scan_ssid).toBe('i:0')
    expect(blockOf({ ...radio, hidden: true, security: 'open' }, ['NONE']).scan_ssid).toBe('i:1')
  })
})
