/**
 * `npm run bench:rejoin [-- RUNS]`: how long a device takes back to a known hotspot after the link was lost, against a bare
 * wpa_supplicant that reassociates; and how long it takes to join by each method, against a bare wpa_supplicant that does the same.
 *
 * One device over simulated air, both sides in turn on its one radio, each on the same channels and with the address from
 * systemd-networkd. A rejoin is measured twice: with EAP run in full, and with the keys from before. The agent's join of a plain
 * hotspot holds a TLS handshake with the cloud, which is how it knows that no login page is in between. Times are the device's own.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { prepareLab } from '../radio-lab/prepare-lab.ts'
import { median } from './online/compare.ts'
import { agentJoins, agentRejoins, stopAgent } from './rejoin/agent-side.ts'
import { bareJoins, bareRejoins, stopBare } from './rejoin/bare-side.ts'
import { type BenchDevice, configure, forgetAddress, openBenchDevice } from './rejoin/device.ts'
import type { Keys } from './rejoin/loss.ts'
import { type Way, waysOf } from './rejoin/ways.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const RUNS = 5
const TARGET = 1.15
const KEYS: readonly Keys[] = ['none', 'kept']

type Times = { readonly agent: number[]; readonly bare: number[] }

const noTimes = (): Times => ({ agent: [], bare: [] })
const say = (line: string): void => console.log(line)
const ratioOf = ({ agent, bare }: Times): number => median(agent) / median(bare)
const told = (times: readonly number[]): string => `${median(times).toFixed(0)} ms (${times.map((ms) => ms.toFixed(0)).join(' ')})`

/** Joins by one way, both sides in turn; after each join of the known hotspot also loses the link. */
async function measure(device: BenchDevice, way: Way, runs: number, rejoins: Readonly<Record<Keys, Times>> | null): Promise<Times> {
  const { lab } = device
  const joins: Times = { agent: [], bare: [] }
  await configure(lab, way.profile === null ? {} : { hotspots: [way.profile] })
  const sides = {
    agent: async (): Promise<void> => {
      joins.agent.push(await agentJoins(lab))
      for (const keys of rejoins === null ? [] : KEYS) rejoins?.[keys].agent.push(await agentRejoins(lab, keys))
      await stopAgent(lab)
    },
    bare: async (): Promise<void> => {
      joins.bare.push(await bareJoins(lab, way))
      for (const keys of rejoins === null ? [] : KEYS) rejoins?.[keys].bare.push(await bareRejoins(lab, keys))
      await stopBare(lab)
    },
  }
  for (let run = 0; run < runs; run++) {
    for (const side of run % 2 === 0 ? (['agent', 'bare'] as const) : (['bare', 'agent'] as const)) {
      await forgetAddress(lab)
      await sides[side]()
    }
  }
  return joins
}

/** Whether the target is met. */
function tellRejoins({ none, kept }: Readonly<Record<Keys, Times>>): boolean {
  say(`rejoin: agent ${told(none.agent)}, bare ${told(none.bare)}`)
  say(`rejoin with keys kept: agent ${told(kept.agent)}, bare ${told(kept.bare)}`)
  const ratios = { rejoin: ratioOf(none), 'rejoin-keys-kept': ratioOf(kept) }
  for (const [name, ratio] of Object.entries(ratios)) say(`${name} ratio=${ratio.toFixed(2)} target<=${TARGET.toFixed(2)}`)
  return Math.max(...Object.values(ratios)) <= TARGET
}

async function main(): Promise<number> {
  const runs = process.argv[2] === undefined ? RUNS : Number(process.argv[2])
  if (!(Number.isSafeInteger(runs) && runs > 0)) throw new Error(`not a number of runs: ${process.argv[2]}`)
  mkdirSync(LAB_FOLDER, { recursive: true })
  const device = await openBenchDevice(LAB_FOLDER, await prepareLab({ log: say }))
  try {
    let isMet = true
    for (const way of waysOf(device)) {
      const rejoins: Readonly<Record<Keys, Times>> | null = way.profile === null ? { none: noTimes(), kept: noTimes() } : null
      const joins = await measure(device, way, runs, rejoins)
      say(`join by ${way.name}: agent ${told(joins.agent)}, bare ${told(joins.bare)}`)
      say(`join-${way.name} ratio=${ratioOf(joins).toFixed(2)}`)
      if (rejoins !== null) isMet = tellRejoins(rejoins)
    }
    return isMet ? 0 : 1
  } finally {
    await device.close()
  }
}

process.exitCode = await main()
