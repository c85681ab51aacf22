/**
 * A hotspot profile in the form in which the cloud takes it from an operator and gives it to devices (contract §7): the members of
 * `hotspots[]` of the CA config, with everything in place and nothing in files.
 */
import {
  frequencyOfChannel,
  MOST_CONSORTIUMS,
  parseCaPem,
  parseConsortium,
  parseDnsName,
  parseLoginPassword,
  parsePskPassphrase,
  parseSaePassphrase,
  parseSsid,
} from './hotspot-values.ts'
import { parseRealm } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** The EAP methods that a profile may name. */
const METHODS = ['TLS', 'TTLS', 'PEAP', 'PWD'] as const
type Method = (typeof METHODS)[number]

/** How a hotspot's AAA server proves itself, and how a device does; `aaaDomain` is null where the realm is meant. */
export type EapForm = {
  readonly methods: readonly Method[]
  readonly inner: 'MSCHAPV2' | 'PAP'
  readonly tlsMaxVersion: '1.2' | '1.3'
  readonly ca: string
  readonly serverName: string
  readonly aaaDomain: string | null
}

type RadioForm = { readonly ssid: Uint8Array; readonly hidden: boolean; readonly frequenciesMhz: readonly number[] }

/** How to log in at a login page; `ca` is null where the public CAs are meant. */
export type LoginForm = {
  readonly username: string
  readonly password: string
  readonly serverName: string
  readonly ca: string | null
  readonly allowUnencrypted: boolean
}

type PlainForm = RadioForm & { readonly login: LoginForm | null }

/** Passpoint hotspots, by what they say of themselves; `realm` is null where the device's is meant. */
export type PasspointForm = {
  readonly security: 'passpoint'
  readonly realm: string | null
  /** In hex. */
  readonly roamingConsortiums: readonly string[]
  readonly homeDomain: string | null
  readonly eap: EapForm
}

/** A hotspot profile of any kind. */
export type HotspotForm =
  | PasspointForm
  | (RadioForm & { readonly security: 'wpa-eap'; readonly eap: EapForm })
  | (PlainForm & { readonly security: 'sae' | 'psk'; readonly passphrase: string })
  | (PlainForm & { readonly security: 'owe' | 'open' })
  | { readonly security: 'wired-eap'; readonly eap: EapForm }

/** Reads a profile. Members of later versions are ignored on a device, and refused where an operator may have mistyped them. */
export function parseHotspotForm(value: unknown, unknownMembers: 'ignored' | 'refused'): Parsed<HotspotForm> {
  if (!isObject(value)) return unparsed('a hotspot profile is an object')
  const known = MEMBERS[String(value.security)]
  if (known === undefined) return unparsed(`security is one of ${Object.keys(MEMBERS).join(', ')}`)
  const extra = unknownMembers === 'refused' ? Object.keys(value).find((key) => key !== 'security' && !known.includes(key)) : undefined
  if (extra !== undefined) return unparsed(`unknown member ${extra.slice(0, 32)}; known here: ${known.join(', ')}`)
  return readForm(value, unknownMembers)
}

const RADIO_MEMBERS = ['ssid', 'hidden', 'channels', 'frequenciesMhz']
const EAP_MEMBERS = ['methods', 'inner', 'tlsMaxVersion', 'ca', 'serverName', 'aaaDomain']
const LOGIN_MEMBERS = ['username', 'password', 'serverName', 'ca', 'allowUnencrypted']
const PLAIN_MEMBERS = [...RADIO_MEMBERS, 'login']
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  'wpa-eap': [...RADIO_MEMBERS, 'eap'],
  passpoint: ['realm', 'roamingConsortiums', 'homeDomain', 'eap'],
  'wired-eap': ['eap'],
  sae: [...PLAIN_MEMBERS, 'passphrase'],
  psk: [...PLAIN_MEMBERS, 'passphrase'],
  owe: PLAIN_MEMBERS,
  open: PLAIN_MEMBERS,
}

function readForm(value: Readonly<Record<string, unknown>>, unknownMembers: 'ignored' | 'refused'): Parsed<HotspotForm> {
  if (value.security === 'wired-eap') {
    const eap = readEap(value.eap, unknownMembers)
    return eap.ok ? parsed({ security: 'wired-eap', eap: eap.value }) : eap
  }
  if (value.security === 'passpoint') return readPasspoint(value, unknownMembers)
  const radio = readRadio(value)
  if (!radio.ok) return radio
  if (value.security === 'wpa-eap') {
    const eap = readEap(value.eap, unknownMembers)
    return eap.ok ? parsed({ security: 'wpa-eap', ...radio.value, eap: eap.value }) : eap
  }
  const login = value.login === undefined || value.login === null ? parsed(null) : readLogin(value.login, unknownMembers)
  if (!login.ok) return login
  const plain = { ...radio.value, login: login.value }
  if (value.security === 'owe' || value.security === 'open') return parsed({ security: value.security, ...plain })
  if (typeof value.passphrase !== 'string') return unparsed('passphrase is missing')
  const security = value.security === 'sae' ? 'sae' : 'psk'
  const passphrase = security === 'sae' ? parseSaePassphrase(value.passphrase) : parsePskPassphrase(value.passphrase)
  return passphrase.ok ? parsed({ security, ...plain, passphrase: passphrase.value }) : unparsed(`passphrase: ${passphrase.problem}`)
}

function readPasspoint(value: Readonly<Record<string, unknown>>, unknownMembers: 'ignored' | 'refused'): Parsed<PasspointForm> {
  const { realm = null, roamingConsortiums = [], homeDomain = null } = value
  const read = { realm: realm === null ? parsed(null) : parseRealm(String(realm)), domain: domainOrNone(homeDomain) }
  if (!read.realm.ok) return unparsed(`realm: ${read.realm.problem}`)
  if (!read.domain.ok) return unparsed(`homeDomain: ${read.domain.problem}`)
  if (!Array.isArray(roamingConsortiums) || roamingConsortiums.length > MOST_CONSORTIUMS)
    return unparsed(`roamingConsortiums is a list of at most ${MOST_CONSORTIUMS}`)
  const consortiums: string[] = []
  for (const each of roamingConsortiums) {
    const consortium = parseConsortium(String(each))
    if (!consortium.ok) return unparsed(`roamingConsortiums: ${consortium.problem}`)
    consortiums.push(consortium.value)
  }
  const eap = readEap(value.eap, unknownMembers)
  if (!eap.ok) return eap
  return parsed({
    ...{ security: 'passpoint', realm: read.realm.value, homeDomain: read.domain.value },
    ...{ roamingConsortiums: consortiums, eap: eap.value },
  })
}

const domainOrNone = (value: unknown): Parsed<string | null> => (value === null ? parsed(null) : parseDnsName(String(value)))

function readRadio({ ssid, hidden = false, channels = [], frequenciesMhz = [] }: Readonly<Record<string, unknown>>): Parsed<RadioForm> {
  const bytes = parseSsid(ssid)
  if (!bytes.ok) return unparsed(`ssid: ${bytes.problem}`)
  if (typeof hidden !== 'boolean') return unparsed('hidden is true or false')
  if (!isNumbers(channels, 1, 177)) return unparsed('channels is a list of channel numbers')
  if (!isNumbers(frequenciesMhz, 2412, 7125)) return unparsed('frequenciesMhz is a list of frequencies from 2412 to 7125')
  return parsed({ ssid: bytes.value, hidden, frequenciesMhz: [...new Set([...channels.map(frequencyOfChannel), ...frequenciesMhz])] })
}

const MOST_FREQUENCIES = 64

const isNumbers = (value: unknown, least: number, most: number): value is readonly number[] =>
  Array.isArray(value) &&
  value.length <= MOST_FREQUENCIES &&
  value.every((each: unknown) => Number.isInteger(each) && Number(each) >= least && Number(each) <= most)

function readLogin(value: unknown, unknownMembers: 'ignored' | 'refused'): Parsed<LoginForm> {
  if (!isObject(value)) return unparsed('login is an object')
  const extra = unknownMembers === 'refused' ? Object.keys(value).find((key) => !LOGIN_MEMBERS.includes(key)) : undefined
  if (extra !== undefined) return unparsed(`unknown member login.${extra.slice(0, 32)}; known here: ${LOGIN_MEMBERS.join(', ')}`)
  const { username, allowUnencrypted = false } = value
  if (typeof username !== 'string' || username === '') return unparsed('login.username is missing')
  const password = typeof value.password === 'string' ? parseLoginPassword(value.password) : unparsed('is missing')
  if (!password.ok) return unparsed(`login.password ${password.problem}`)
  const serverName = typeof value.serverName === 'string' ? parseDnsName(value.serverName) : unparsed('is missing')
  if (!serverName.ok) return unparsed(`login.serverName: ${serverName.problem}`)
  const ca = value.ca === undefined || value.ca === null ? parsed(null) : parseCaPem(String(value.ca))
  if (!ca.ok) return unparsed(`login.ca ${ca.problem}`)
  if (typeof allowUnencrypted !== 'boolean') return unparsed('login.allowUnencrypted is true or false')
  return parsed({ username, password: password.value, serverName: serverName.value, ca: ca.value, allowUnencrypted })
}

function readEap(value: unknown, unknownMembers: 'ignored' | 'refused'): Parsed<EapForm> {
  if (!isObject(value)) return unparsed('eap is missing')
  const extra = unknownMembers === 'refused' ? Object.keys(value).find((key) => !EAP_MEMBERS.includes(key)) : undefined
  if (extra !== undefined) return unparsed(`unknown member eap.${extra.slice(0, 32)}; known here: ${EAP_MEMBERS.join(', ')}`)
  const { methods = ['TTLS'], inner = 'MSCHAPV2', tlsMaxVersion = '1.2', aaaDomain = null } = value
  if (!isMethods(methods)) return unparsed(`eap.methods is a list of ${METHODS.join(', ')}`)
  if (inner !== 'MSCHAPV2' && inner !== 'PAP') return unparsed('eap.inner is MSCHAPV2 or PAP')
  if (tlsMaxVersion !== '1.2' && tlsMaxVersion !== '1.3') return unparsed('eap.tlsMaxVersion is "1.2" or "1.3"')
  const ca = typeof value.ca === 'string' ? parseCaPem(value.ca) : unparsed('is missing')
  if (!ca.ok) return unparsed(`eap.ca ${ca.problem}`)
  const serverName = typeof value.serverName === 'string' ? parseDnsName(value.serverName) : unparsed('is missing')
  if (!serverName.ok) return unparsed(`eap.serverName: ${serverName.problem}`)
  const domain = aaaDomain === null ? parsed(null) : parseRealm(String(aaaDomain))
  if (!domain.ok) return unparsed(`eap.aaaDomain: ${domain.problem}`)
  return parsed({ methods, inner, tlsMaxVersion, ca: ca.value, serverName: serverName.value, aaaDomain: domain.value })
}

const isMethods = (value: unknown): value is readonly Method[] =>
  Array.isArray(value) && value.length > 0 && value.every((each: unknown) => METHODS.some((method) => method === each))

/** The profile as JSON has it; `parseHotspotForm` reads it. */
export function formatHotspotForm(form: HotspotForm): Readonly<Record<string, unknown>> {
  return 'ssid' in form ? { ...form, ssid: { hex: Buffer.from(form.ssid).toString('hex') } } : form
}

/** What of a profile is sealed for one device alone: each by its place, and how to put another text there. */
export function sealedMembers(hotspot: Readonly<Record<string, unknown>>): readonly SealedMember[] {
  const members: SealedMember[] = []
  const { passphrase, login } = hotspot
  if (typeof passphrase === 'string') members.push({ text: passphrase, put: (into, text) => ({ ...into, passphrase: text }) })
  if (isObject(login) && typeof login.password === 'string')
    members.push({ text: login.password, put: (into, text) => ({ ...into, login: { ...login, password: text } }) })
  return members
}

/** One of them. */
export type SealedMember = {
  readonly text: string
  readonly put: (into: Readonly<Record<string, unknown>>, text: string) => Readonly<Record<string, unknown>>
}
