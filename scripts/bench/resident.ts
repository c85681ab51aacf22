/**
 * Resident memory of an agent in steady state, against bare node that waits for ever. The agent walked the whole way on the wire:
 * 802.1X, address, token, swap, promotion; and is then restarted, which is how it lives in the field.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LogEvent, parseLogLine } from '../story/agent-log.ts'
import { type ExpectedStep, firstWalk, Walk, walkAfterReboot } from '../story/walk.ts'
import { openWiredStage } from '../story/wired-stage.ts'
import { median, startNode } from './plain-node.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const RUNS = 3
const WALK_MS = 60_000
/** V8 gives back what a start left behind when a process has been quiet for some eight seconds. */
const SETTLE_MS = 12_000

/** Medians over restarts of both. */
export async function measureResident(): Promise<{ readonly bareKib: number; readonly agentKib: number; readonly runs: number }> {
  const { stage, close } = await openWiredStage(LAB_FOLDER)
  let see = (_: LogEvent): void => {}
  const follow = async (steps: readonly ExpectedStep[], begin: () => Promise<void>): Promise<void> => {
    const walk = new Walk(steps, WALK_MS)
    see = (event) => walk.see(event)
    await begin()
    const result = await walk.result
    if (!result.ok) throw new Error(result.problem)
  }
  try {
    const onLine = (line: string): void => {
      const event = parseLogLine(line)
      if (event !== null) see(event)
    }
    await follow(firstWalk('secret'), () => stage.start(onLine))
    const agents: number[] = []
    const bare: number[] = []
    for (let run = 0; run < RUNS; run += 1) {
      await follow(walkAfterReboot('secret'), stage.restart)
      const waiting = startNode(['-e', 'setInterval(() => {}, 1e9)'])
      await sleep(SETTLE_MS)
      agents.push(residentKib(agentPid()))
      bare.push(residentKib(waiting.pid ?? 0))
      waiting.kill('SIGKILL')
    }
    return { bareKib: median(bare), agentKib: median(agents), runs: RUNS }
  } finally {
    await close()
  }
}

/** The agent is a child of this process. */
function agentPid(): number {
  const mine = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => fieldOf(pid, 'PPid') === process.pid && readProc(pid, 'cmdline').includes('zipkey-agent.cjs'))
  if (mine.length !== 1) throw new Error(`expected one agent, found ${mine.length}`)
  return Number(mine[0])
}

const residentKib = (pid: number): number => fieldOf(String(pid), 'VmRSS')

const fieldOf = (pid: string, field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readProc(pid, 'status'))?.[1])

/** A process may end while /proc is read. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
