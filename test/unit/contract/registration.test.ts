import { describe, expect, test } from 'vitest'
import {
  formatRegistrationCsv,
  formatRegistrationJson,
  parseBatchId,
  parseRegistrationPart,
  parseRegistrationRows,
  REGISTRATION_COLUMNS,
  REGISTRATION_CONTENT,
  type RegistrationRow,
} from '../../../agent/contract/registration.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'

const ROWS: readonly RegistrationRow[] = [
  { kind: 'shared-secret', id: 'SN-1', secret: formatSecretText('zks_', new Uint8Array(32).fill(7)) },
  { kind: 'temporary', id: 'SN-2', keyId: 'line-7' },
  { kind: 'certificate', id: 'SN-3', fingerprint: 'a'.repeat(52) },
]

describe('the rows of a part', () => {
  test.each([
    ['NDJSON', REGISTRATION_CONTENT.ndjson, ROWS.map(formatRegistrationJson)],
    ['CSV', REGISTRATION_CONTENT.csv, [REGISTRATION_COLUMNS, ...ROWS.map(formatRegistrationCsv)]],
  ] as const)('are read from %s as they were written', (_, content, lines) => {
    const read = parseRegistrationRows(content, lines.map((line) => `${line}\n`).join(''))
    expect(read).toEqual({ ok: true, value: ROWS.map((row) => ({ id: row.id, row: { ok: true, value: row } })) })
  })

  test.each([
    ['a last line without its end', REGISTRATION_CONTENT.ndjson, '{}', /cut off/],
    ['CSV with other columns', REGISTRATION_CONTENT.csv, 'id,secret\n', /first line/],
    ['another content', 'text/html', '\n', /content of a part/],
  ])('are not read with %s', (_, content, text, problem) => {
    expect(parseRegistrationRows(content, text)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) })
  })

  test.each([
    ['a space in its id', { id: 'SN 1', kind: 'temporary', key_id: 'line-7' }],
    ['a secret with a wrong letter', { id: 'SN-1', kind: 'shared-secret', secret: `zks_${'A'.repeat(48)}` }],
    ['a key id in capitals', { id: 'SN-1', kind: 'temporary', key_id: 'LINE' }],
    ['half a fingerprint', { id: 'SN-1', kind: 'certificate', fingerprint: 'abc' }],
    ['a kind that there is not', { id: 'SN-1', kind: 'password' }],
    ['a number for its id', { id: 5, kind: 'temporary', key_id: 'line-7' }],
  ])('are read one by one: not one with %s', (_, row) => {
    const read = parseRegistrationRows(REGISTRATION_CONTENT.ndjson, `${JSON.stringify(row)}\n`)
    expect(read).toMatchObject({ ok: true, value: [{ row: { ok: false } }] })
  })
})

describe('the header of a part', () => {
  const header = { account: 'acme', batch: 'b1', part: 0, from: 0, rows: 2, of: 2 }
  test('is read', () => expect(parseRegistrationPart({ ...header, alg: 'ES256' })).toEqual({ ok: true, value: header }))
  test.each([{ account: 'ACME' }, { batch: '../b1' }, { part: -1 }, { rows: 3 }, { rows: 1001, of: 2000 }, { of: '2' }, { from: 0.5 }])(
    'is not read with %j',
    (change) => expect(parseRegistrationPart({ ...header, ...change }).ok).toBe(false),
  )
})

test.each([
  ['b1', true],
  ['2026-11-24.a_B', true],
  ['', false],
  ['.hidden', false],
  ['a'.repeat(65), false],
])('the batch id %j is good: %j', (text, ok) => expect(parseBatchId(text).ok).toBe(ok))
