/** Runs of two sides in turn, so that whatever else the machine does meets both, and what they come to. */
import type { Side, WalkTime } from './side.ts'

/** All that was measured; a walk that failed is kept with its reason. */
export type Comparison = {
  readonly walks: Readonly<Record<Side, readonly WalkTime[]>>
  readonly failures: readonly string[]
}

/** Walks `runs` times a side after one walk of each that does not count; `tell` gets a line for each walk. */
export async function compare(runs: number, walk: (side: Side) => Promise<WalkTime>, tell: (line: string) => void): Promise<Comparison> {
  const walks: Record<Side, WalkTime[]> = { agent: [], shell: [] }
  const failures: string[] = []
  for (let run = 0; run <= runs; run += 1) {
    for (const side of run % 2 === 0 ? (['agent', 'shell'] as const) : (['shell', 'agent'] as const)) {
      try {
        const time = await walk(side)
        if (run > 0) walks[side].push(time)
        const troubles = time.troubles.length === 0 ? '' : `, in spite of: ${time.troubles.join('; ')}`
        tell(`  ${side} ${run === 0 ? 'warm-up' : `${run}/${runs}`}: ${time.totalMs.toFixed(0)} ms${troubles}`)
      } catch (error) {
        failures.push(`${side}, run ${run}: ${error instanceof Error ? error.message : String(error)}`)
        tell(`  ${side} ${run}/${runs}: FAILED`)
      }
    }
  }
  return { walks, failures }
}

/** The middle value, the mean of the two middle ones for an even number; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] ?? Number.NaN)) / 2
}

/** The agent's median over the script's. */
export const ratioOf = ({ walks }: Comparison): number => median(totals(walks.agent)) / median(totals(walks.shell))

const totals = (walks: readonly WalkTime[]): readonly number[] => walks.map(({ totalMs }) => totalMs)

/** For people: median and spread of each side, and the median time that each step took. */
export function describe({ walks, failures }: Comparison): readonly string[] {
  const sides = (['agent', 'shell'] as const).flatMap((side) => {
    const times = totals(walks[side])
    const spread = `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)} ms`
    return [`${side.padEnd(5)}  median ${median(times).toFixed(0)} ms, ${spread}, ${times.length} runs`, `       ${stepsText(walks[side])}`]
  })
  return [...sides, ...failures.map((failure) => `FAILED ${failure}`)]
}

/** Walks of one side have the same steps, unless one was tried twice: then the common ones count. */
function stepsText(walks: readonly WalkTime[]): string {
  const [first] = walks
  if (first === undefined) return 'no steps'
  const alike = walks.filter(({ steps }) => steps.length === first.steps.length)
  return first.steps
    .map(({ name }, index) => {
      const took = alike.map(({ steps }) => (steps[index]?.atMs ?? 0) - (steps[index - 1]?.atMs ?? 0))
      return `${name} ${median(took).toFixed(0)}`
    })
    .join(', ')
}
