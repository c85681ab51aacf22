/** What both sides leave behind, read as step times: the agent's log, and the baseline's `step NAME SECONDS` lines. */
import { parseLogLine } from '../../story/agent-log.ts'
import { type StepTime, type WalkTime, walkOf } from './side.ts'

const STEP = /^step (\S+) ([\d.]+)$/

/** The steps that both sides have; the agent's log tells more. */
const COMMON: ReadonlySet<string> = new Set(['loaded', 'scanned', 'joined', 'authenticated', 'issued', 'stored', 'promoted'])

/** Reads the agent's log; lines of anything else are skipped. */
export function agentWalk(log: string, startMs: number): WalkTime {
  const events = log.split('\n').map(parseLogLine)
  const steps = events.flatMap((event): readonly StepTime[] =>
    event !== null && COMMON.has(event.event) ? [{ name: event.event, atMs: event.timeMs - startMs }] : [],
  )
  const troubles = events.flatMap((event) => (event?.event === 'failed' || event?.event === 'link-lost' ? [event.text] : []))
  return walkOf(steps, troubles, log)
}

/** Reads what baseline.sh printed. */
export function shellWalk(output: string, startMs: number): WalkTime {
  const steps = output.split('\n').flatMap((line): readonly StepTime[] => {
    const [, name, seconds] = STEP.exec(line) ?? []
    return name === undefined || !COMMON.has(name) ? [] : [{ name, atMs: Number(seconds) * 1000 - startMs }]
  })
  return walkOf(steps, [], output)
}
