/**
 * What the built cloud's process needs of its CPU for one of each thing that a returning device asks for, on SQLite. CPU time, not the
 * clock's: the load shares the two cores, and so may others.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'
import { cpuMs } from './cpu-time.ts'
import { tokenRequest } from './fleet.ts'
import { Load } from './load.ts'
import { walkRound } from './round.ts'
import { type BenchCloud, openBenchCloud } from './servers.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../../.lab')
const FILE = join(LAB_FOLDER, 'service-times.json')
const NAMES = ['handshakeMs', 'tokenMs', 'refusalMs', 'dropMs'] as const

/** In ms of CPU time: accepting a connection and its TLS handshake; a token by the current secret; a 503; closing a connection too many. */
export type ServiceTimes = Readonly<Record<(typeof NAMES)[number], number>>

/** What was measured last on this machine; null where nothing was. */
export function readServiceTimes(): ServiceTimes | null {
  try {
    const value: unknown = JSON.parse(readFileSync(FILE, 'utf8'))
    if (!isObject(value)) return null
    const [handshakeMs, tokenMs, refusalMs, dropMs] = NAMES.map((name) => value[name])
    const times = { handshakeMs, tokenMs, refusalMs, dropMs }
    return isTimes(times) ? times : null
  } catch {
    return null
  }
}

const isTimes = (times: Readonly<Record<keyof ServiceTimes, unknown>>): times is ServiceTimes =>
  Object.values(times).every((ms) => typeof ms === 'number' && ms > 0)

const DEVICES = { devices: 100, waves: 3 }
const TOKEN_ROUNDS = 5
const CONNECTIONS = 1000
const CROWD = 60

/** Measures, and writes it down for `readServiceTimes`. */
export async function measureServiceTimes(folder: string): Promise<ServiceTimes> {
  const roomy = await openBenchCloud({ folder: join(folder, 'roomy'), database: null, nodeOptions: [], config: {} })
  const tokenMs = await tokenTime(roomy)
  const handshakeMs = await handshakeTime(roomy)
  await roomy.stop()
  const config = { requestsAtOnce: 8, connections: CROWD + 4 }
  const tight = await openBenchCloud({ folder: join(folder, 'tight'), database: null, nodeOptions: [], config })
  const times = { handshakeMs, tokenMs, ...(await refusalTimes(tight, tokenMs)) }
  await tight.stop()
  mkdirSync(LAB_FOLDER, { recursive: true })
  writeFileSync(FILE, `${JSON.stringify(times, null, 2)}\n`)
  return times
}

/** Gives CPU time of the cloud for what happens meanwhile. */
async function used({ pid }: BenchCloud, work: () => Promise<unknown>): Promise<number> {
  const before = cpuMs(pid)
  await work()
  return cpuMs(pid) - before
}

async function tokenTime(cloud: BenchCloud): Promise<number> {
  const load = await Load.open(cloud.port, cloud.caPem, 64)
  const { proven } = await walkRound(load, cloud.line, 'token', DEVICES)
  let usedMs = 0
  for (let round = 0; round <= TOKEN_ROUNDS; round += 1) {
    const requests = await Promise.all(proven.map((held) => tokenRequest(cloud.line, held)))
    const roundMs = await used(cloud, () => load.drive(requests))
    // The first warms up.
    if (round > 0) usedMs += roundMs
  }
  load.close()
  return usedMs / (TOKEN_ROUNDS * proven.length)
}

async function handshakeTime(cloud: BenchCloud): Promise<number> {
  const open = async (): Promise<void> => {
    for (let opened = 0; opened < CONNECTIONS; opened += CROWD) (await Load.open(cloud.port, cloud.caPem, CROWD)).close()
  }
  await open()
  return (await used(cloud, open)) / (Math.ceil(CONNECTIONS / CROWD) * CROWD)
}

async function refusalTimes(cloud: BenchCloud, tokenMs: number): Promise<Pick<ServiceTimes, 'refusalMs' | 'dropMs'>> {
  const few = await Load.open(cloud.port, cloud.caPem, 4)
  const { proven } = await walkRound(few, cloud.line, 'refused', DEVICES)
  few.close()
  const crowd = await Load.open(cloud.port, cloud.caPem, CROWD)
  let [usedMs, refused] = [0, 0]
  for (let round = 0; round < TOKEN_ROUNDS; round += 1) {
    const requests = await Promise.all(proven.map((held) => tokenRequest(cloud.line, held)))
    let answered = 0
    usedMs += await used(cloud, async () => {
      const { answers } = await crowd.drive(requests)
      answered = answers.filter(({ status }) => status === 200).length
    })
    usedMs -= answered * tokenMs
    refused += requests.length - answered
  }
  const dropMs = (await used(cloud, () => knockInVain(cloud.port))) / CONNECTIONS
  crowd.close()
  return { refusalMs: Math.max(usedMs / refused, dropMs), dropMs }
}

/** Connects again and again where all connections are taken, but for a few that are taken now. */
async function knockInVain(port: number): Promise<void> {
  for (let knocked = 0; knocked < CONNECTIONS; knocked += 20) {
    await Promise.all(
      Array.from({ length: 20 }, () => {
        const socket = connect(port, '127.0.0.1')
          .on('error', () => {})
          .resume()
        const closed = new Promise((resolve) => socket.once('close', resolve))
        // The few that are let in say nothing, and go when the others have gone.
        socket.setTimeout(1000, () => socket.destroy())
        return closed
      }),
    )
  }
}
