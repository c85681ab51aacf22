/** Ids from a pattern with a counter, such as `SN-{0000001..}`: its first number, in as many digits as all have. */
import { parseDeviceId } from '../../../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { type DeviceIds, foldId } from './device-ids.ts'

const PATTERN = /^([^{}]*)\{([0-9]{1,15})\.\.\}([^{}]*)$/

/** The ids of `count` devices; none of them can be there twice. */
export function idsFromPattern(pattern: string, count: number): Parsed<DeviceIds> {
  const [, before = '', digits = '', after = ''] = PATTERN.exec(pattern) ?? []
  if (digits === '') return unparsed(`expected one counter in braces, such as SN-{0000001..}`)
  const first = Number(digits)
  const last = first + count - 1
  const width = digits.length
  if (String(last).length > width)
    return unparsed(`the counter has ${width} digits and would end at ${last}: write it with more, or make fewer devices`)
  const idOf = (number: number): string => `${before}${String(number).padStart(width, '0')}${after}`
  const good = parseDeviceId(idOf(first))
  if (!good.ok) return unparsed(`${JSON.stringify(idOf(first))}: ${good.problem}`)
  const folded = new RegExp(`^${escaped(foldId(before))}([0-9]{${width}})${escaped(foldId(after))}$`)
  return parsed({
    total: count,
    columns: [],
    fingerprint: `${pattern} × ${count}`,
    async *entries(from, atOnce) {
      for (let start = first + from; start <= last; start += atOnce) {
        const length = Math.min(atOnce, last - start + 1)
        yield Array.from({ length }, (_, index) => ({ id: idOf(start + index), values: {}, row: null, publicKey: null }))
      }
    },
    holds(id) {
      const number = Number(folded.exec(foldId(id))?.[1] ?? Number.NaN)
      return number >= first && number <= last
    },
  })
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&')
