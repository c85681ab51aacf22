/**
 * `npm run bench:start`: from starting the built agent to its first call on D-Bus, against bare `node -e 0` from start to end.
 * Runs alternate, so that whatever else the machine does meets both; the medians are compared.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSilentBus } from '../build/silent-bus.ts'

const ROOT = join(import.meta.dirname, '../..')
const AGENT = join(ROOT, 'dist/zipkey-agent.cjs')
const EXAMPLES = join(ROOT, 'config/examples')
const RUNS = 31
const WARM_UP_RUNS = 3
const TARGET = 2.0
const GIVE_UP_MS = 20_000

/** NODE_EXTRA_CA_CERTS makes every start of Node two to three times slower; the unit never sets it. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...environment } = process.env
  return environment
}

const startNode = (args: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, [...args], { stdio: 'ignore', env: environment })

async function bareMs(): Promise<number> {
  const startMs = performance.now()
  const child = startNode(['-e', '0'], bareEnvironment())
  await once(child, 'exit')
  return performance.now() - startMs
}

/** The bus tells of its first call through `onCall`, which each run sets anew. */
type Bus = { readonly server: Server; readonly file: string; onCall: () => void }

async function openBus(directory: string): Promise<Bus> {
  const file = join(directory, 'bus')
  const bus: { onCall: () => void } = { onCall: () => {} }
  const server = await openSilentBus(file, () => bus.onCall())
  return Object.assign(bus, { server, file })
}

async function agentMs(bus: Bus, directory: string): Promise<number> {
  const called = new Promise<number>((resolve) => {
    bus.onCall = () => resolve(performance.now())
  })
  const startMs = performance.now()
  const child = startNode([AGENT], {
    ...bareEnvironment(),
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus.file}`,
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

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

async function main(): Promise<number> {
  if (!existsSync(AGENT)) {
    console.error('dist/zipkey-agent.cjs is missing: run npm run build')
    return 1
  }
  const directory = mkdtempSync(join(tmpdir(), 'zipkey-bench-'))
  cpSync(EXAMPLES, directory, { recursive: true })
  copyFileSync(join(EXAMPLES, 'temporary-derived-secret.json'), join(directory, 'ca.json'))
  chmodSync(join(directory, 'ca.json'), 0o640)
  const bus = await openBus(directory)
  try {
    const bare: number[] = []
    const agent: number[] = []
    for (let run = -WARM_UP_RUNS; run < RUNS; run += 1) {
      const pair = [await bareMs(), await agentMs(bus, directory)] as const
      if (run < 0) continue
      bare.push(pair[0])
      agent.push(pair[1])
    }
    const ratio = median(agent) / median(bare)
    console.log(`bare node ${median(bare).toFixed(1)} ms, agent to first D-Bus call ${median(agent).toFixed(1)} ms, ${RUNS} runs each`)
    console.log(`start ratio=${ratio.toFixed(2)} target<=${TARGET.toFixed(1)}`)
    return ratio <= TARGET ? 0 : 1
  } finally {
    bus.server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

process.exitCode = await main()
