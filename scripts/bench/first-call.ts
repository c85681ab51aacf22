/** From starting the built agent to its first call on D-Bus, and bare `node -e 0` from start to end. */
import { once } from 'node:events'
import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSilentBus } from '../build/silent-bus.ts'
import { median, plainEnvironment, startNode } from './plain-node.ts'

const EXAMPLES = join(import.meta.dirname, '../../config/examples')
const RUNS = 31
const WARM_UP_RUNS = 3
const GIVE_UP_MS = 20_000

/** Medians of runs that alternate, so that whatever else the machine does meets both. */
export async function measureStart(agent: string): Promise<{ readonly bareMs: number; readonly agentMs: number; readonly runs: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'zipkey-bench-'))
  cpSync(EXAMPLES, directory, { recursive: true })
  copyFileSync(join(EXAMPLES, 'temporary-derived-secret.json'), join(directory, 'ca.json'))
  chmodSync(join(directory, 'ca.json'), 0o640)
  let onCall = (): void => {}
  const server = await openSilentBus(join(directory, 'bus'), () => onCall())
  const firstCall = (): Promise<number> =>
    new Promise((resolve) => {
      onCall = () => resolve(performance.now())
    })
  try {
    const bare: number[] = []
    const agents: number[] = []
    for (let run = -WARM_UP_RUNS; run < RUNS; run += 1) {
      const pair = [await bareRunMs(), await agentRunMs(agent, directory, firstCall())] as const
      if (run < 0) continue
      bare.push(pair[0])
      agents.push(pair[1])
    }
    return { bareMs: median(bare), agentMs: median(agents), runs: RUNS }
  } finally {
    server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function bareRunMs(): Promise<number> {
  const startMs = performance.now()
  await once(startNode(['-e', '0']), 'exit')
  return performance.now() - startMs
}

async function agentRunMs(agent: string, directory: string, called: Promise<number>): Promise<number> {
  const startMs = performance.now()
  const child = startNode([agent], {
    ...plainEnvironment(),
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(directory, 'bus')}`,
    ZIPKEY_CONFIG: join(directory, 'ca.json'),
    ZIPKEY_STATE_DIRECTORY: join(directory, 'state'),
    ZIPKEY_LOG_LEVEL: 'error',
  })
  const ended = once(child, 'exit')
  const impatience = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS)
  const calledMs = await Promise.race([called, ended.then(() => null)])
  child.kill('SIGKILL')
  await ended
  clearTimeout(impatience)
  if (calledMs === null) throw new Error('the agent ended before its first call on D-Bus')
  return calledMs - startMs
}
