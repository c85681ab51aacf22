/** Texts that the contract takes and refuses; the verdicts are written by hand, so that they check the parsers and do not echo them. */
import { formatSecretText, type SecretPrefix } from '../../agent/contract/secret-text.ts'

/** A text that must be refused where a secret with this prefix is expected. */
export type RefusedSecretText = { readonly prefix: SecretPrefix; readonly text: string; readonly why: string }

const replaceAt = (text: string, index: number, character: string): string => text.slice(0, index) + character + text.slice(index + 1)

/** The ways in which people and tools spoil a secret. */
export function refusedSecretTexts(bytes: Uint8Array): readonly RefusedSecretText[] {
  const good = formatSecretText('zks_', bytes)
  const refuse = (text: string, why: string): RefusedSecretText => ({ prefix: 'zks_', text, why })
  return [
    refuse('', 'empty'),
    refuse('zks_', 'prefix only'),
    refuse(good.slice(0, -1), 'truncated by one character'),
    refuse(good.slice(0, 4 + 43), 'truncated to the secret without its checksum'),
    refuse(good.slice(0, 20), 'truncated in the middle'),
    refuse(`${good}A`, 'one character too many'),
    refuse(replaceAt(good, 10, good[10] === 'B' ? 'C' : 'B'), 'one character mistyped in the secret'),
    refuse(replaceAt(good, 51, good[51] === 'B' ? 'C' : 'B'), 'one character mistyped in the checksum'),
    refuse(replaceAt(replaceAt(good, 10, good[11] ?? ''), 11, good[10] ?? ''), 'two characters swapped'),
    refuse(replaceAt(good, 10, '*'), 'a character outside base64url'),
    refuse(replaceAt(good, 51, '+'), 'a character of plain base64'),
    refuse(`${good}=`, 'padded'),
    refuse(good.replace('zks_', 'ZKS_'), 'prefix in upper case'),
    refuse(good.replace('zks_', 'Zks_'), 'prefix in mixed case'),
    refuse(good.toLowerCase(), 'all in lower case'),
    refuse(good.slice(4), 'no prefix'),
    refuse(formatSecretText('zkp_', bytes), 'a provisioning key where a secret is expected'),
    refuse(good.replace('zks_', 'zkp_'), 'prefix of a provisioning key, checksum of a secret'),
    { prefix: 'zkp_', text: good, why: 'a secret where a provisioning key is expected' },
    { prefix: 'zkp_', text: good.replace('zks_', 'zkp_'), why: 'prefix changed: the checksum covers the prefix' },
    refuse(` ${good}`, 'leading space'),
    refuse(`${good} `, 'trailing space'),
    refuse(`${good}\n\n`, 'two trailing newlines'),
    refuse(`${good}\r`, 'trailing carriage return without a newline'),
    refuse(`\n${good}`, 'leading newline'),
    refuse(`${good}\0`, 'trailing NUL'),
    refuse(`\uFEFF${good}`, 'byte order mark'),
    refuse(`"${good}"`, 'quoted'),
    refuse(formatSecretText('zks_', bytes.subarray(0, 31)), '31 bytes with a good checksum'),
    refuse(formatSecretText('zks_', Uint8Array.of(...bytes, 32)), '33 bytes with a good checksum'),
  ]
}

const label31 = `a${'b'.repeat(29)}c`
const device63 = 'D'.repeat(63)

/** Names that are well formed and names that are not. */
export const nameCases = () => ({
  accountIds: {
    accepted: ['a', '7', 'acme', 'a-b', '0-0', 'a--b', label31],
    refused: ['', '-', '-a', 'a-', 'A', 'acme.com', 'a_b', 'a b', 'a@b', 'a+b', 'a/b', 'ä', 'a\0', 'acme\n', `${label31}d`],
  },
  deviceIds: {
    accepted: ['a', '0', 'dev-1', 'SN-000123', 'a.b', 'a._', 'a.-b', 'a_', 'A-', '02-00-5e-10-00-01', device63],
    refused: [
      '',
      '.',
      '-a',
      '_a',
      '.a',
      'a.',
      'a..b',
      'a b',
      'a+b',
      'a@b',
      'a/b',
      'a:b',
      'a%b',
      'a\\b',
      "a'b",
      'a"b',
      'ä',
      'a\u0301',
      'a\0',
      'a\n',
      `${device63}D`,
    ],
  },
})
