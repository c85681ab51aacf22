import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { jsonSchema, jsonSchemaText } from '../../../config/json-schema.ts'
import { loadConfig } from '../../../config/load.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'
import { eap, GOOD, hotspot, makeRoot, put, SECRET_TEXT } from './sample.ts'

const CONFIG = join(import.meta.dirname, '../../../config')
const EXAMPLES = readdirSync(join(CONFIG, 'examples')).filter((name) => name.endsWith('.json') && name !== 'cloud-jwks.json')

/** What a JSON Schema validator (the one inside fastify) says about a config: null when it is content. */
async function complaintOf(config: unknown): Promise<string | null> {
  const { $schema: _, ...schema } = jsonSchema()
  const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } } })
  app.post('/', { schema: { body: schema } }, async () => null)
  const answer = await app.inject({
    method: 'POST',
    url: '/',
    body: JSON.stringify(config),
    headers: { 'content-type': 'application/json' },
  })
  await app.close()
  return answer.statusCode === 200 ? null : answer.body
}

describe('the JSON Schema', () => {
  it('is the one that is published; otherwise run npm run config:schema', () => {
    expect(readFileSync(join(CONFIG, 'schema.json'), 'utf8')).toBe(jsonSchemaText())
  })

  it('describes every key', () => {
    const bare = Object.entries(jsonSchema().properties as Record<string, { description?: string }>).filter(
      ([, { description = '' }]) => description.length < 8,
    )
    expect(bare).toEqual([])
  })

  it.each([
    ['an unknown key', { ...GOOD, acount: 'a' }],
    ['an unknown key in a list', { ...GOOD, hotspots: [{ ...hotspot, chanels: [1] }] }],
    ['a missing key', { ...GOOD, account: undefined }],
    ['a missing section', { ...GOOD, cloud: undefined }],
    ['a text for a number', { ...GOOD, timers: { joinMs: '1000' } }],
    ['a truncated secret', { ...GOOD, credentials: [{ kind: 'shared-secret', secret: SECRET_TEXT.slice(0, -1) }] }],
    ['an EAP method that nobody offers', { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, methods: ['LEAP'] } }] }],
    ['another kind of permanent credential', { ...GOOD, permanentCredential: 'key' }],
    ['a certificate credential', { ...GOOD, credentials: [{ kind: 'certificate' }] }],
  ])('refuses %s', async (_, config) => {
    expect(await complaintOf(config)).not.toBeNull()
  })

  it('takes what the loader takes', async () => {
    expect(await complaintOf(GOOD)).toBeNull()
  })
})

describe('the examples', () => {
  it('are there', () => {
    expect(EXAMPLES).toEqual([
      'flashed-certificate.json',
      'passpoint.json',
      'permanent-certificate.json',
      'plain-hotspots.json',
      'shared-secret.json',
      'temporary-derived-secret.json',
      'temporary-provisioning-key.json',
      'token-certificate.json',
      'wired.json',
    ])
  })

  it.each(EXAMPLES)('%s is valid, for the schema and for the loader', async (name) => {
    const root = makeRoot()
    put(root, 'credentials/device-secret', SECRET_TEXT)
    put(root, 'credentials/setup-passphrase', 'the passphrase for setting up')
    put(root, 'credentials/page-password', 'the password at the page')
    put(root, 'sys/firmware/devicetree/base/serial-number', 'SN-000123\0')
    const key = newDeviceKey()
    put(root, 'device.key', key.reveal())
    put(root, 'device.pem', certified(key, 'SN-000123').chainPem)
    put(root, 'device.pin', '4711\n')
    put(root, 'device.passphrase', 'not needed, since the key is in the clear')
    put(root, 'wlan0-address', '44:85:00:12:34:56\n')
    const text = readFileSync(join(CONFIG, 'examples', name), 'utf8')
    const here: unknown = JSON.parse(text.replace('/sys/class/net/wlan0/address', join(root, 'wlan0-address')))
    for (const file of ['aaa-ca.pem', 'cloud-ca.pem', 'cloud-jwks.json'])
      put(root, file, readFileSync(join(CONFIG, 'examples', file), 'utf8'))
    const configFile = put(root, 'ca.json', here)
    expect(loadConfig({ environment: { CREDENTIALS_DIRECTORY: join(root, 'credentials') }, configFile, systemRoot: root })).toMatchObject({
      ok: true,
      warnings: [],
      config: { identity: { account: 'acme', device: name === 'temporary-provisioning-key.json' ? '448500123456' : 'SN-000123' } },
    })
    expect(await complaintOf(here)).toBeNull()
  })
})
