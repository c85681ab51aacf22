/** The fake keeps what the port promises. */
import type { TlsProfile } from '../../../agent/credential/eap-profile.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { Bss } from '../../../agent/ports.ts'
import { FakeAir, FakeSupplicant } from '../../fakes/supplicant.ts'
import { describePlainHotspots } from './plain-hotspot-suite.ts'
import { describeSupplicant, type SupplicantWorld } from './supplicant-suite.ts'

const CA_PEM = 'the CA'
const SERVER_NAME = 'aaa.zipkey.test'
const IDENTITY = 'dev-1@acme.zipkey.test'
const EAP = {
  methods: ['TLS', 'TTLS'],
  inner: 'PAP',
  caPem: CA_PEM,
  tlsMaxVersion: '1.2',
  serverName: SERVER_NAME,
  aaaDomain: 'zipkey.test',
} as const
const BSS: Bss = {
  bssid: '02:00:00:00:00:01',
  frequencyMhz: 2412,
  signalDbm: -50,
  preference: 0,
  managementFrames: 'protected',
  passpoint: null,
  hotspot: { security: 'wpa-eap', ssid: Buffer.from('ZipKey'), hidden: false, frequenciesMhz: [], eap: EAP },
}

const tlsProfile = (fingerprint: string): TlsProfile => ({
  method: 'TLS',
  outerIdentity: 'anonymous@acme.zipkey.test',
  fingerprint,
  chainPem: 'the chain',
  privateKeyPem: new Secret('the key'),
  caPem: CA_PEM,
  tlsMaxVersion: '1.2',
  serverName: SERVER_NAME,
  checkDates: true,
})

function openFakeWorld(): SupplicantWorld {
  const certificates = new Set(['known'])
  const aaa = {
    caPem: CA_PEM,
    tlsMaxVersion: '1.2',
    serverName: SERVER_NAME,
    isExpired: false,
    users: new Map([[IDENTITY, 'right']]),
    certificates,
  }
  const air = new FakeAir([BSS], aaa)
  let supplicant = new FakeSupplicant(air)
  return {
    start: async () => {
      supplicant = new FakeSupplicant(air, { joinMs: 200, addressMs: 200 })
      return supplicant
    },
    accepted: {
      method: 'TTLS',
      inner: 'PAP',
      outerIdentity: 'anonymous@acme.zipkey.test',
      innerIdentity: IDENTITY,
      password: new Secret('right'),
      caPem: CA_PEM,
      tlsMaxVersion: '1.2',
      serverName: SERVER_NAME,
      checkDates: true,
    },
    certified: tlsProfile('known'),
    unknown: tlsProfile('unknown'),
    profiles: [BSS.hotspot],
    evilCaPem: 'another CA',
    reset: async () =>
      air.change({ aaa, inRange: [BSS], hasRadio: true, isSupplicantRunning: true, answersEap: true, givesAddresses: true }),
    silenceHotspot: async () => air.change({ answersEap: false }),
    expireServer: async () => air.change({ aaa: { ...aaa, isExpired: true } }),
    stopAddresses: async () => air.change({ givesAddresses: false }),
    dropLink: async () => air.change({ inRange: [] }),
    stopSupplicant: async () => air.change({ isSupplicantRunning: false }),
    startSupplicant: async () => air.change({ isSupplicantRunning: true }),
    unplugRadio: async () => air.change({ hasRadio: false }),
    plugRadio: async () => air.change({ hasRadio: true }),
    networks: async () => supplicant.networks,
    close: async () => {},
  }
}

describeSupplicant('a fake supplicant', async () => openFakeWorld())

describePlainHotspots('a fake supplicant at plain hotspots', async () => {
  const air = new FakeAir([], {
    caPem: CA_PEM,
    serverName: SERVER_NAME,
    isExpired: false,
    users: new Map(),
    certificates: new Set<string>(),
  })
  return {
    passphrase: air.passphrase,
    with: async (hotspot, use) => {
      air.change({ inRange: [{ ...BSS, hotspot }] })
      await use(new FakeSupplicant(air))
    },
    close: async () => {},
  }
})
