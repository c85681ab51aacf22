/** The two that are compared, and what a walk of one of them came to. */

/** The agent, or the shell script that does the same. */
export type Side = 'agent' | 'shell'

/** When a step of the walk was done, counted from the start. */
export type StepTime = { readonly name: string; readonly atMs: number }

/** One walk from the start to the proved permanent secret; `troubles` is what went wrong on the way and was tried again. */
export type WalkTime = { readonly steps: readonly StepTime[]; readonly totalMs: number; readonly troubles: readonly string[] }

const LAST_STEP = 'promoted'

/** Steps in their order as a walk; an error with the program's own words where the last one is missing. */
export function walkOf(steps: readonly StepTime[], troubles: readonly string[], transcript: string): WalkTime {
  const last = steps.at(-1)
  if (last?.name !== LAST_STEP) throw new Error(`the walk ended after "${last?.name ?? 'nothing'}": ${transcript.trim().slice(-1500)}`)
  return { steps, totalMs: last.atMs, troubles }
}
