/** Ready-made values for lifecycle tests; the secrets in them open nothing. */
import type { Candidate, IssuedSecret, TemporarySecret } from '../../../agent/credential/credential.ts'
import { type EapHotspot, isPlain } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { Failure, FailureCode } from '../../../agent/failure.ts'
import { type Journey, setOut } from '../../../agent/lifecycle/journey.ts'
import type { Hold } from '../../../agent/lifecycle/state.ts'
import type { AccessToken, Bss, Link } from '../../../agent/ports.ts'

const bytes = (fill: number): Secret => new Secret(new Uint8Array(32).fill(fill))

export const hotspot: EapHotspot = {
  security: 'wpa-eap',
  ssid: Buffer.from('ZipKey'),
  hidden: false,
  frequenciesMhz: [2412],
  eap: {
    methods: ['TLS', 'TTLS'],
    inner: 'PAP',
    caPem: 'the CA',
    tlsMaxVersion: '1.2',
    serverName: 'aaa.zipkey.test',
    aaaDomain: 'zipkey.test',
  },
}

export const bssAt = (lastOctet: number, signalDbm = -50): Bss => ({
  bssid: `02:00:00:00:00:${lastOctet.toString(16).padStart(2, '0')}`,
  frequencyMhz: 2412,
  signalDbm,
  preference: 0,
  managementFrames: 'protected',
  passpoint: null,
  hotspot,
})

/** The same place with a passphrase for all in place of 802.1X. */
export const plainBssAt = (lastOctet: number): Bss => {
  const { eap: _, ...radio } = hotspot
  return { ...bssAt(lastOctet), hotspot: { ...radio, login: null, security: 'sae', passphrase: new Secret('a passphrase') } }
}

export const linkOn = (bss: Bss, datesChecked = true): Link => ({
  bss,
  interfaceName: 'wlan0',
  address: '10.0.0.2',
  captiveApi: null,
  eap: isPlain(bss.hotspot) ? null : { method: 'EAP-TTLS', serverSubject: '/CN=aaa.zipkey.test', datesChecked },
})

export const temporary: TemporarySecret = { kind: 'temporary-secret', id: { kind: 'temporary', keyId: 'line-7' }, secret: bytes(1) }

export const issued = (secretId: string): IssuedSecret => ({
  kind: 'shared-secret',
  id: { kind: 'issued', secretId },
  secret: bytes(2),
})

export const temporaryCandidate: Candidate = { slot: 'temporary', credential: temporary }
export const flashedCandidate: Candidate = {
  slot: 'flashed',
  credential: { kind: 'shared-secret', id: { kind: 'flashed' }, secret: bytes(3) },
}
export const pendingCandidate = (secretId: string): Candidate => ({ slot: 'pending', credential: issued(secretId) })
export const currentCandidate = (secretId: string): Candidate => ({ slot: 'current', credential: issued(secretId) })

export const journeyOf = (first: Candidate, ...rest: Candidate[]): Journey => setOut([first, ...rest], true)

export const holdOn = (bss: Bss, reachedCloud: boolean): Hold => ({ link: linkOn(bss), reachedCloud })

export const tokenOf = (scope: AccessToken['scope']): AccessToken => ({ value: new Secret('a token'), scope, expiresAtMs: 900_000 })

export const failureOf = (code: FailureCode, retryAfterMs = 0): Failure => ({ code, detail: 'as the test says', retryAfterMs })
