import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deriveTemporarySecret } from '../../../../agent/contract/derivation.ts'
import { parseSigningKeys } from '../../../../agent/contract/signed-time.ts'
import { loadConfig } from '../../../../config/load.ts'
import { type CaConfigRequest, caConfigFor, derivedCredential, keyCredential } from '../../../../scripts/factory/ca-config.ts'
import { InputError, readHotspots, readProvisioningKey, readSigningKeys, readText } from '../../../../scripts/factory/inputs.ts'
import { writeConfig } from '../../../../scripts/factory/write-config.ts'
import { flashedSecret } from '../../../fakes/flashed-secret.ts'
import { CA_PEM, eap, hotspot, KEY_BYTES, makeRoot, PROVISIONING_TEXT, put, SIGNING_KEYS } from '../../config/sample.ts'

const signingKeys = parseSigningKeys(SIGNING_KEYS)
if (!signingKeys.ok) throw new Error(signingKeys.problem)

const NAME = { account: 'acme', device: 'SN-000123' }
const KEY = { keyId: 'line-7', bytes: KEY_BYTES }

const REQUEST: CaConfigRequest = {
  account: 'acme',
  device: { id: NAME.device },
  credential: derivedCredential(KEY, NAME),
  cloud: { url: 'https://api.zipkey.example', caPem: CA_PEM, signingKeys: signingKeys.value },
  hotspots: [hotspot],
}

describe('the CA config of one device', () => {
  it.each([
    ['derived secret', derivedCredential(KEY, NAME)],
    ['provisioning key', keyCredential(KEY)],
  ])('with its %s makes the agent hold the temporary secret of that device', async (given, wanted) => {
    const file = join(makeRoot(), 'ca.json')
    expect(await writeConfig(file, caConfigFor({ ...REQUEST, credential: wanted, sections: { wifi: { country: 'DE' } } }), 0o600)).toEqual({
      ok: true,
    })
    const loaded = loadConfig({ environment: {}, configFile: file })
    if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
    const [credential] = loaded.config.credentials
    expect(credential?.id).toEqual({ kind: 'temporary', keyId: 'line-7' })
    expect(flashedSecret(credential)).toEqual(deriveTemporarySecret(KEY_BYTES, NAME))
    expect(loaded.config.wifi.country).toBe('DE')
    expect(readFileSync(file, 'utf8').includes('zkp_')).toBe(given === 'provisioning key')
  })

  it('makes the agent ask for a certificate where that is wanted, and is refused where no hotspot takes one', async () => {
    const file = join(makeRoot(), 'ca.json')
    const request: CaConfigRequest = { ...REQUEST, permanentCredential: 'certificate' }
    expect(await writeConfig(file, caConfigFor(request), 0o600)).toMatchObject({ ok: false, problems: [expect.stringContaining('"TLS"')] })
    const hotspots = [{ ...hotspot, eap: { ...eap, methods: ['TLS', 'TTLS'] } }]
    expect(await writeConfig(file, caConfigFor({ ...request, hotspots }), 0o600)).toEqual({ ok: true })
    expect(loadConfig({ environment: {}, configFile: file })).toMatchObject({ config: { permanentCredential: 'certificate' } })
  })

  it.each([0o600, 0o640] as const)('is readable for whom it was said, whatever the umask: %o', async (mode) => {
    const file = join(makeRoot(), 'ca.json')
    const before = process.umask(0o077)
    await writeConfig(file, caConfigFor(REQUEST), mode)
    process.umask(before)
    expect(statSync(file).mode & 0o777).toBe(mode)
  })

  it('leaves the old file, and nothing else, when the new one would be refused', async () => {
    const root = makeRoot()
    const file = put(root, 'ca.json', 'the old one')
    const written = await writeConfig(file, caConfigFor({ ...REQUEST, account: 'ACME', hotspots: [{ ...hotspot, ssid: 5 }] }), 0o600)
    expect(written).toEqual({
      ok: false,
      problems: [
        `${file}: account: an account id is 1 to 31 of a-z, 0-9 and inner hyphens`,
        `${file}: hotspots[0].ssid: expected a text in quotes, or {"hex": "…"}`,
      ],
    })
    expect(readFileSync(file, 'utf8')).toBe('the old one')
    expect(readdirSync(root)).toEqual(['ca.json'])
  })

  it('takes the place of an old file', async () => {
    const file = put(makeRoot(), 'ca.json', 'the old one')
    chmodSync(file, 0o644)
    expect(await writeConfig(file, caConfigFor(REQUEST), 0o600)).toEqual({ ok: true })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toContain('SN-000123')
  })

  it('does not write through what someone put at the name of the unfinished file', async () => {
    const root = makeRoot()
    const file = join(root, 'ca.json')
    const trap = put(root, 'trap', 'trap')
    symlinkSync(trap, join(root, '.ca.json.new'))
    expect(await writeConfig(file, caConfigFor(REQUEST), 0o600)).toEqual({ ok: true })
    expect(readFileSync(trap, 'utf8')).toBe('trap')
    expect(lstatSync(file).isFile()).toBe(true)
  })
})

describe('the files given to the factory command', () => {
  it('are read: key, signing keys, hotspots with their CA taken in', () => {
    const root = makeRoot()
    put(root, 'aaa.pem', CA_PEM)
    expect(readProvisioningKey(put(root, 'key', `${PROVISIONING_TEXT}\n`))).toEqual(KEY_BYTES)
    expect(readSigningKeys(put(root, 'jwks.json', SIGNING_KEYS))).toEqual(SIGNING_KEYS)
    const profile = { ...hotspot, eap: { ...eap, ca: { file: 'aaa.pem' } } }
    expect(readHotspots(put(root, 'one.json', profile))).toEqual([{ ...hotspot, eap: { ...eap, ca: CA_PEM } }])
    expect(readHotspots(put(root, 'two.json', [profile, hotspot]))).toEqual([{ ...hotspot, eap: { ...eap, ca: CA_PEM } }, hotspot])
  })

  it.each<[string, (root: string) => unknown, RegExp]>([
    ['a missing file', (root) => readText(join(root, 'gone')), /gone: cannot be read$/],
    ['a mistyped key', (root) => readProvisioningKey(put(root, 'key', PROVISIONING_TEXT.slice(0, -2))), /key: the zkp_ text is truncated/],
    [
      'a private signing key',
      (root) => readSigningKeys(put(root, 'jwks', { keys: [{ kty: 'EC', kid: 'a', d: 'b' }] })),
      /jwks: a signing key is private/,
    ],
    ['broken JSON', (root) => readHotspots(put(root, 'h.json', '[{]')), /h\.json: line 1, column 3/],
    ['a hotspot that is none', (root) => readHotspots(put(root, 'h.json', ['ZipKey'])), /h\.json: expected a hotspot profile/],
    ['a missing CA', (root) => readHotspots(put(root, 'h.json', { eap: { ca: { file: 'gone.pem' } } })), /gone\.pem: cannot be read$/],
  ])('are refused by name: %s', (_, read, message) => {
    const root = makeRoot()
    expect(() => read(root)).toThrow(InputError)
    expect(() => read(root)).toThrow(message)
  })
})
