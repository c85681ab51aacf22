import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DeviceIds } from '../../../../scripts/factory/batch/device-ids.ts'
import { readIdList } from '../../../../scripts/factory/batch/id-list.ts'
import { idsFromPattern } from '../../../../scripts/factory/batch/id-pattern.ts'
import { InputError } from '../../../../scripts/factory/inputs.ts'
import { makeRoot } from '../../config/sample.ts'

async function all(ids: DeviceIds, from = 0): Promise<readonly string[]> {
  const found: string[] = []
  for await (const entries of ids.entries(from, 2)) found.push(...entries.map(({ id }) => id))
  return found
}

function pattern(text: string, count: number): DeviceIds {
  const ids = idsFromPattern(text, count)
  if (!ids.ok) throw new Error(ids.problem)
  return ids.value
}

describe('ids from a pattern', () => {
  it('count up from the first, in as many digits, and on from any', async () => {
    expect(await all(pattern('SN-{0098..}x', 4))).toEqual(['SN-0098x', 'SN-0099x', 'SN-0100x', 'SN-0101x'])
    expect(await all(pattern('{7..}', 3), 2)).toEqual(['9'])
  })

  it.each([
    ['SN-0098x', true],
    ['sn-0101X', true],
    ['SN-0097x', false],
    ['SN-0102x', false],
    ['SN-98x', false],
    ['SN-0098', false],
    ['SN.0098x', false],
  ])('know whether %s is among them', (id, isOne) => {
    expect(pattern('SN-{0098..}x', 4).holds(id)).toBe(isOne)
  })

  it.each([
    ['SN-', 'expected one counter in braces, such as SN-{0000001..}'],
    ['{1..}-{1..}', 'expected one counter in braces, such as SN-{0000001..}'],
    ['SN-{08..}', 'the counter has 2 digits and would end at 107: write it with more, or make fewer devices'],
    ['SN {001..}', '"SN 001": a device id is 1 to 63 of A-Z, a-z, 0-9, _, - and inner dots, and starts with a letter or digit'],
  ])('are refused for %j', (text, problem) => {
    expect(idsFromPattern(text, 100)).toEqual({ ok: false, problem })
  })
})

const list = (content: string | Uint8Array): string => {
  const file = join(makeRoot(), 'ids.csv')
  writeFileSync(file, content)
  return file
}

async function problemsOf(content: string | Uint8Array): Promise<readonly string[]> {
  const file = list(content)
  const error: unknown = await readIdList(file).then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof InputError)) throw new Error(`not refused: ${error}`)
  return error.message.split('\n').map((line) => line.replace(file, 'ids.csv'))
}

describe('ids from a list', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['commas', 'id,model\nSN-1,A\nSN-2,"B, large"\n', 'B, large'],
    ['semicolons', 'model;id\nA;SN-1\nB, large;SN-2\n', 'B, large'],
    ['UTF-16 with a byte order mark', Buffer.from('\uFEFFid,model\nSN-1,A\nSN-2,"B, large"\n', 'utf16le'), 'B, large'],
    ['tabs, a byte order mark, CRLF and empty lines', '\uFEFFid\tmodel\r\nSN-1\tA\r\n\r\nSN-2\tB, large\r\n', 'B, large'],
  ])('come with their columns: %s', async (_, content, model) => {
    const ids = await readIdList(list(content))
    expect([ids.total, ids.columns, await all(ids), await all(ids, 1)]).toEqual([2, ['model'], ['SN-1', 'SN-2'], ['SN-2']])
    for await (const entries of ids.entries(1, 5)) expect(entries.map(({ values }) => values)).toEqual([{ id: 'SN-2', model }])
    expect([ids.holds('sn-1'), ids.holds('SN-3')]).toEqual([true, false])
  })

  const BAD_ID = 'a device id is 1 to 63 of A-Z, a-z, 0-9, _, - and inner dots, and starts with a letter or digit'
  it.each<[string, string | Uint8Array, readonly string[]]>([
    ['no column id', 'ID,model\nSN-1,A\n', ['row 1, column id: the header has no column id']],
    ['a column twice', 'id,a,a\n', ['row 1, column a: this name stands in the header twice']],
    ['a column without a name', 'id,\n', ['row 1, column 2: a column has no name, or one with a brace']],
    ['a taken name', 'id,batch\n', ['row 1, column batch: this name is taken: call the column otherwise']],
    ['no device', 'id\n', ['row 2, column id: there is no device in this list']],
    ['an empty file', '', ['row 2, column id: there is no device in this list']],
    [
      'several wrong cells',
      'id,model\nSN-1,A\nSN 2,A\nSN-3\nsn-1,A\nSN-4,A,B\n',
      [
        `row 3, column id: "SN 2": ${BAD_ID}`,
        'row 4, column model: the row is short: 1 of 2 cells',
        'row 5, column id: "sn-1" stands in row 2 already, perhaps in another case',
        'row 6, column 3: the row is longer than the header',
      ],
    ],
    ['Latin-1', Buffer.from('id,model\nSN-1,gr\xFCn\n', 'latin1'), ['row 2, column model: is not UTF-8: save the list as UTF-8']],
    [
      'UTF-16 that does not say so',
      Buffer.from('id,model\nSN-1,A\n', 'utf16le'),
      ['row 1, column 1: is not UTF-8: save the list as UTF-8'],
    ],
    ['an open quote', 'id,model\nSN-1,"A\nSN-2,B\n', ['row 3, column model: a quote is open or stands amid the text']],
  ])('are refused with row and column: %s', async (_, content, problems) => {
    expect(await problemsOf(content)).toEqual(problems.map((problem) => `ids.csv: ${problem}`))
  })

  it('are told the first problems only', async () => {
    const problems = await problemsOf(`id\n${'? \n'.repeat(100)}`)
    expect([problems.length, problems.at(-1)]).toEqual([21, 'ids.csv: there are more problems than these'])
  })

  it('are not read to the end from a list that was changed meanwhile', async () => {
    const file = list('id\nSN-1\n')
    const ids = await readIdList(file)
    writeFileSync(file, 'id\nSN-2\n')
    await expect(all(ids)).rejects.toThrow('was changed while it was read')
  })

  it('that are missing are named', async () => {
    await expect(readIdList('/nowhere/ids.csv')).rejects.toThrow('/nowhere/ids.csv: cannot be read (ENOENT)')
  })
})
