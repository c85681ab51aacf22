/** The table of a campaign: for each scenario, call and trouble, how often, and what became of it. */
import type { Finished } from './campaign.ts'
import { troubleName } from './points.ts'

type Row = {
  readonly scenario: string
  readonly syscall: string
  readonly trouble: string
  count: number
  readonly ways: Map<string, number>
}

function rowsOf(finished: readonly Finished[]): readonly Row[] {
  const rows = new Map<string, Row>()
  for (const { scenario, outcome } of finished) {
    const { syscall } = outcome.fault.point
    const trouble = troubleName(outcome.fault.trouble)
    const key = [scenario.name, syscall, trouble].join('\0')
    const row = rows.get(key) ?? { scenario: scenario.name, syscall, trouble, count: 0, ways: new Map<string, number>() }
    const way = outcome.problems.length > 0 ? 'FAILED' : outcome.way
    row.count += 1
    row.ways.set(way, (row.ways.get(way) ?? 0) + 1)
    rows.set(key, row)
  }
  return [...rows.values()].sort((a, b) => order(a).localeCompare(order(b)))
}

const order = ({ scenario, syscall, trouble }: Row): string => [scenario, syscall, trouble].join('\0')

const line = (scenario: string, syscall: string, trouble: string, count: string, ways: string): string =>
  [scenario.padEnd(29), syscall.padEnd(11), trouble.padEnd(27), count.padStart(5), '', ways].join('  ').trimEnd()

/** The table, and a last line with the total. */
export function report(finished: readonly Finished[]): readonly string[] {
  const rows = rowsOf(finished).map(({ scenario, syscall, trouble, count, ways }) =>
    line(scenario, syscall, trouble, String(count), [...ways].map(([way, times]) => `${times} ${way}`).join(', ')),
  )
  const failures = finished.filter(({ outcome }) => outcome.problems.length > 0).length
  return [line('scenario', 'call', 'trouble', 'count', 'what became of it'), ...rows, `${finished.length} faults, ${failures} failures`]
}
