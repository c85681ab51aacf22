import { describe, expect, it } from 'vitest'
import { deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { derivedInPlaceOf, retireInText } from '../../../config/retire-provisioning-key.ts'
import { flashedSecret } from '../../fakes/flashed-secret.ts'
import { GOOD, KEY_BYTES, load, PROVISIONING_TEXT, SECRET_TEXT } from './sample.ts'

const NAME = { account: 'acme', device: 'SN-000123' }
const DERIVED = formatSecretText('zks_', deriveTemporarySecret(KEY_BYTES, NAME))
const KEY = PROVISIONING_TEXT

const keyed = (members: object = {}) => ({ kind: 'temporary', keyId: 'line-7', provisioningKey: KEY, ...members })
const retired = (source: string): string => retireInText(source, NAME).text

describe('a provisioning key in the text of a config', () => {
  it.each<[string, string, string]>([
    ['alone', `{"credentials":[{"provisioningKey":"${KEY}"}]}`, `{"credentials":[{"secret":"${DERIVED}"}]}`],
    [
      'among others, with blanks and tabs of its own',
      `{ "x" : 1 ,\t"credentials" :\r\n [ {"keyId":"a",  "provisioningKey"  :\n"${KEY}" , "kind":"temporary" } ]  }\n\n`,
      `{ "x" : 1 ,\t"credentials" :\r\n [ {"keyId":"a",  "secret"  :\n"${DERIVED}" , "kind":"temporary" } ]  }\n\n`,
    ],
    [
      'before its keep flag, which goes too',
      `{"credentials": [{"provisioningKey": "${KEY}",\n  "keepProvisioningKey": false}]}`,
      `{"credentials": [{"secret": "${DERIVED}"}]}`,
    ],
    [
      'behind its keep flag',
      `{"credentials": [{\n  "keepProvisioningKey": null,\n  "provisioningKey": "${KEY}"\n}]}`,
      `{"credentials": [{\n  "secret": "${DERIVED}"\n}]}`,
    ],
    [
      'around its keep flag',
      `{"credentials": [{"provisioningKey": "${KEY}", "keepProvisioningKey": false, "keyId": "a"}]}`,
      `{"credentials": [{"secret": "${DERIVED}", "keyId": "a"}]}`,
    ],
    [
      'twice',
      `{"credentials":[{"provisioningKey":"${KEY}"},{"kind":"shared-secret","secret":"${SECRET_TEXT}"},{"provisioningKey":"${KEY}"}]}`,
      `{"credentials":[{"secret":"${DERIVED}"},{"kind":"shared-secret","secret":"${SECRET_TEXT}"},{"secret":"${DERIVED}"}]}`,
    ],
    [
      'written with escapes',
      `{"\\u0063redentials":[{"provisioning\\u004bey":"zkp\\u005f${KEY.slice(4)}\\n"}]}`,
      `{"\\u0063redentials":[{"secret":"${DERIVED}"}]}`,
    ],
    [
      'beside texts that look like it',
      `{"note":"\\"provisioningKey\\":\\"${'é'}\\"","credentials":[{"keyId":"}],{","provisioningKey":"${KEY}"}],"x":{"provisioningKey":5}}`,
      `{"note":"\\"provisioningKey\\":\\"${'é'}\\"","credentials":[{"keyId":"}],{","secret":"${DERIVED}"}],"x":{"provisioningKey":5}}`,
    ],
  ])('is replaced and nothing else: %s', (_, source, expected) => {
    expect(retired(source)).toBe(expected)
    expect(retired(expected)).toBe(expected)
  })

  it.each<[string, string]>([
    ['there is none', JSON.stringify(GOOD)],
    ['it is to be kept', JSON.stringify({ credentials: [keyed({ keepProvisioningKey: true })] })],
    ['it is mistyped', JSON.stringify({ credentials: [keyed({ provisioningKey: KEY.replace('zkp_A', 'zkp_B') })] })],
    ['a secret stands beside it', JSON.stringify({ credentials: [keyed({ secret: SECRET_TEXT })] })],
    ['it stands elsewhere', JSON.stringify({ credentials: { provisioningKey: KEY }, x: [keyed()], y: { credentials: [keyed()] } })],
    ['the text is no JSON', `{"credentials":[{"provisioningKey":"${KEY}"}]`],
    ['a key stands twice', `{"credentials":[{"provisioningKey":"${KEY}","provisioningKey":"${KEY}"}]}`],
    ['the text is no object', `["${KEY}"]`],
  ])('stays where %s', (_, source) => {
    expect(retireInText(source, NAME)).toEqual({ text: source, keyFiles: [], systemdCredentials: [] })
  })

  it('is told of where it stands in a file or a systemd credential, unless it is to be kept', () => {
    const entries = [{ file: 'a.key' }, { credential: 'line-key' }, { file: 5 }].map((provisioningKey) => keyed({ provisioningKey }))
    const source = JSON.stringify({
      credentials: [...entries, keyed({ provisioningKey: { file: 'kept.key' }, keepProvisioningKey: true })],
    })
    expect(retireInText(source, NAME)).toEqual({ text: source, keyFiles: ['a.key'], systemdCredentials: ['line-key'] })
  })
})

describe('a config whose key was retired', () => {
  it.each([2, 4, '\t', undefined])('loads with the very same credential (indent %j)', (indent) => {
    const source = JSON.stringify({ ...GOOD, credentials: [keyed({ keepProvisioningKey: false })] }, null, indent)
    const credentialsOf = (text: string) => {
      const { loaded } = load({ 'ca.json': text })
      if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
      return loaded.config.credentials.map((credential) => ({ id: credential.id, bytes: flashedSecret(credential) }))
    }
    const text = retired(source)
    expect(text).not.toContain('zkp_')
    expect(credentialsOf(text)).toEqual(credentialsOf(source))
  })

  it('loads from a key file that now holds the derived secret', () => {
    const files = { 'ca.json': { ...GOOD, credentials: [keyed({ provisioningKey: { file: 'line.key' } })] } }
    const [before, after] = [`${KEY}\n`, derivedInPlaceOf(`${KEY}\n`, NAME) ?? ''].map(
      (text) => load({ ...files, 'line.key': text }).loaded,
    )
    expect(before?.ok && flashedSecret(before.config.credentials[0])).toEqual(deriveTemporarySecret(KEY_BYTES, NAME))
    expect(after?.ok && flashedSecret(after.config.credentials[0])).toEqual(deriveTemporarySecret(KEY_BYTES, NAME))
  })
})

describe('what stands in for a key', () => {
  it.each<[string, string | null]>([
    [KEY, DERIVED],
    [`${KEY}\n`, `${DERIVED}\n`],
    [`${KEY}\r\n`, `${DERIVED}\r\n`],
    [DERIVED, null],
    ['', null],
    [KEY.slice(0, -1), null],
  ])('for %j', (text, expected) => {
    expect(derivedInPlaceOf(text, NAME)).toBe(expected)
  })
})
