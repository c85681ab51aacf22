/**
 * The CA config, key by key, each with the reader of its value. From this one table come the convict schema (defaults), the names
 * of the environment variables, the checks, the types, and the published JSON Schema.
 */
import { DEFAULT_REALM, parseAccountId, parseDeviceId, parseRealm } from '../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'
import { parseSigningKeys } from '../agent/contract/signed-time.ts'
import { PERMANENT_KINDS } from '../agent/credential/credential.ts'
import { LOG_LEVELS } from '../agent/log.ts'
import { contents } from './content.ts'
import { credentialReader } from './credentials.ts'
import { deviceIdSourceReader } from './device-id.ts'
import { caReader, hotspotReader } from './hotspots.ts'
import { parseJson } from './json.ts'
import { choice, flag, integer, list, type Reader, text } from './reader.ts'
import { type Member, optional, required, type ValueOf } from './record.ts'

/** How the environment may set a key: to its text, to a number, or to the file that holds it. Null where it may not. */
export type FromEnvironment = 'text' | 'number' | 'file' | null

/** One key of the config. */
export type Setting = Member & { readonly environment: FromEnvironment }

const set = <M extends Member>(member: M, environment: FromEnvironment): M & { readonly environment: FromEnvironment } => ({
  ...member,
  environment,
})

const MINUTE_MS = 60_000
const duration = (doc: string, defaultMs: number) =>
  set(optional(integer(`${doc}, in milliseconds.`, 10, 60 * MINUTE_MS), defaultMs), 'number')

function parseHttpsUrl(value: string): Parsed<string> {
  const url = URL.canParse(value) ? new URL(value) : null
  if (url === null || url.protocol !== 'https:') return unparsed('expected an https:// URL')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return unparsed('a user, a query or a # does not belong in this URL')
  return parsed(value.replace(/\/+$/, ''))
}

const plain =
  (form: RegExp, problem: string) =>
  (value: string): Parsed<string> =>
    form.test(value) ? parsed(value) : unparsed(problem)

const signingKeys = contents({
  doc: 'The public keys that the cloud signs with (JWKS).',
  secret: false,
  inline: {
    type: 'object',
    properties: { keys: { type: 'array', minItems: 1, items: { type: 'object', required: ['kty', 'kid'] } } },
    required: ['keys'],
  },
  parse(json) {
    const value = parseJson(json)
    return value.ok ? parseSigningKeys(value.value) : value
  },
  parseInline: parseSigningKeys,
})

const interfaceName: Reader<string> = text(
  'The network interface, or auto for the first that fits.',
  plain(/^[^\s/:]{1,15}$/, 'expected the name of a network interface, or "auto"'),
)

/** The config, section by section. */
export const SETTINGS = {
  account: set(required(text('The account: the product company, as registered in the cloud.', parseAccountId, { maxLength: 31 })), 'text'),
  realm: set(optional(text('The realm under which hotspots find the account’s AAA.', parseRealm), DEFAULT_REALM), 'text'),
  device: {
    id: set(optional(text('The device id. Give this or idFrom.', parseDeviceId, { maxLength: 63 }), null), 'text'),
    idFrom: set(optional(deviceIdSourceReader, null), null),
  },
  credentials: set(required(list('What the device can prove itself with, in order of preference.', credentialReader, 1)), null),
  permanentCredential: set(
    optional(
      choice('What the device asks the cloud for: a secret, or a certificate for a key that it makes itself.', PERMANENT_KINDS),
      'secret' as const,
    ),
    'text',
  ),
  cloud: {
    url: set(required(text('Where the Cloud API is: an https:// URL.', parseHttpsUrl, { pattern: '^https://' })), 'text'),
    issuer: set(
      optional(
        text(
          'The issuer string of the cloud, the audience of what the device signs; the URL where missing.',
          plain(/^\S{1,255}$/, 'expected a text without spaces'),
        ),
        null,
      ),
      'text',
    ),
    ca: set(required(caReader('The CA of the Cloud API’s TLS certificate.')), 'file'),
    signingKeys: set(required(signingKeys), 'file'),
    mutualTls: set(
      optional(
        flag(
          'Certificates prove themselves to the cloud in the TLS handshake; otherwise they sign, which also works where a proxy ends TLS.',
        ),
        false,
      ),
      null,
    ),
  },
  hotspots: set(required(list('The hotspots that the device may join.', hotspotReader, 1)), null),
  wifi: {
    backend: set(optional(choice('Who joins: wpa_supplicant (auto finds it).', ['auto', 'wpa_supplicant']), 'auto'), 'text'),
    interface: set(optional(interfaceName, 'auto'), 'text'),
    country: set(
      optional(
        text(
          'The regulatory domain (ISO 3166-1 alpha-2); the system decides where missing.',
          plain(/^[A-Z]{2}$/, 'expected two capital letters'),
        ),
        null,
      ),
      'text',
    ),
    address: set(
      optional(
        choice('Who gets the address: the system’s DHCP client, or busybox udhcpc run by the agent.', ['system', 'udhcpc']),
        'system' as const,
      ),
      'text',
    ),
    skipWhenWired: set(optional(flag('Use no hotspot while another interface reaches the cloud.'), true), null),
  },
  state: {
    directory: set(
      optional(
        text('Where credentials are kept: durable storage, one agent only.', plain(/^\/./, 'expected an absolute path')),
        '/var/lib/zipkey',
      ),
      'text',
    ),
  },
  timers: {
    joinMs: duration('How long joining one hotspot may take', 20_000),
    addressMs: duration('How long an address may take after joining', 15_000),
    cloudCallMs: duration('How long one call of the Cloud API may take', 10_000),
    scanMs: duration('How long a scan may take', 15_000),
    backoffBaseMs: duration('The first wait after a failure; it doubles from there, with full jitter', 2_000),
    backoffCapMs: duration('The longest wait after failures', 300_000),
    actionsFastMs: duration('How often the cloud is asked for orders in the first minutes after becoming steady', 15_000),
    actionsMs: duration('How often the cloud is asked for orders later', 300_000),
  },
  log: { level: set(optional(choice('The least level that is logged.', LOG_LEVELS), 'info'), 'text') },
} as const

/** What the sections are for; shown in the JSON Schema. */
export const SECTION_DOCS: Readonly<Record<string, string>> = {
  device: 'Who the device is: an id, or where on the device to read it.',
  cloud: 'The cloud that the device belongs to.',
  wifi: 'The radio or port, and how it gets an address.',
  state: 'What the agent keeps.',
  timers: 'Deadlines and waits.',
  log: 'The log, on stderr.',
}

type SettingsOf<S> = S extends Member ? ValueOf<S> : { readonly [K in keyof S]: SettingsOf<S[K]> }

/** The whole config as read, before credentials are derived and references between keys are resolved. */
export type Settings = SettingsOf<typeof SETTINGS>

/** One key of the config by its path. */
export type Leaf = { readonly path: string; readonly setting: Setting }

/** Every key, in the order of the table. */
export function leaves(): readonly Leaf[] {
  return Object.entries(SETTINGS).flatMap(([name, node]) =>
    isSetting(node)
      ? [{ path: name, setting: node }]
      : Object.entries<unknown>(node).flatMap(([key, setting]) => (isSetting(setting) ? [{ path: `${name}.${key}`, setting }] : [])),
  )
}

/** Tells a key from a section. */
export const isSetting = (node: unknown): node is Setting => typeof node === 'object' && node !== null && 'reader' in node
