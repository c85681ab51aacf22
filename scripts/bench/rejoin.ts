/**
 * `npm run bench:rejoin [-- RUNS]`: how long a device takes back to a known hotspot after the link was lost, against a bare
 * wpa_supplicant that reassociates; and how long it takes to join by each method, against a bare wpa_supplicant that does the same.
 *
 * One device over simulated air, both sides in turn on its one radio, each on the same channels and with the address from
 * systemd-networkd. Both run EAP in full: the agent keeps no key of a link that is gone, and the hotspot forgets those of the bare side. What the
 * bare side takes with its keys kept is told beside it. The agent's join of a plain hotspot holds a TLS handshake with the cloud,
 * which is how it knows that no login page is in between. Times are the device's own.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { prepareLab } from '../radio-lab/prepare-lab.ts'
import { median } from './online/compare.ts'
import { agentJoins, agentRejoins, stopAgent } from './rejoin/agent-side.ts'
import { bareJoins, bareRejoins, stopBare } from './rejoin/bare-side.ts'
import { type BenchDevice, configure, forgetAddress, openBenchDevice } from './rejoin/device.ts'
import { type Way, waysOf } from './rejoin/ways.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const RUNS = 5
const TARGET = 1.15

type Times = { readonly agent: number[]; readonly bare: number[] }

const say = (line: string): void => console.log(line)
const ratioOf = ({ agent, bare }: Times): number => median(agent) / median(bare)
const told = (times: readonly number[]): string => `${median(times).toFixed(0)} ms (${times.map((ms) => ms.toFixed(0)).join(' ')})`

/** Joins by one way, both sides in turn; after the first of them also loses the link, where the way is that of the known hotspot. */
async function measure(
  device: BenchDevice,
  way: Way,
  runs: number,
  rejoins: (Times & { readonly cached: number[] }) | null,
): Promise<Times> {
  const { lab } = device
  const joins: Times = { agent: [], bare: [] }
  await configure(lab, way.profile === null ? {} : { hotspots: [way.profile] })
  const sides = {
    agent: async (): Promise<void> => {
      joins.agent.push(await agentJoins(lab))
      if (rejoins !== null) rejoins.agent.push(await agentRejoins(lab))
      await stopAgent(lab)
    },
    bare: async (): Promise<void> => {
      joins.bare.push(await bareJoins(lab, way))
      if (rejoins !== null) rejoins.bare.push(await bareRejoins(lab, { flushed: true }))
      if (rejoins !== null) rejoins.cached.push(await bareRejoins(lab, { flushed: false }))
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

async function main(): Promise<number> {
  const runs = process.argv[2] === undefined ? RUNS : Number(process.argv[2])
  if (!(Number.isSafeInteger(runs) && runs > 0)) throw new Error(`not a number of runs: ${process.argv[2]}`)
  mkdirSync(LAB_FOLDER, { recursive: true })
  const device = await openBenchDevice(LAB_FOLDER, await prepareLab({ log: say }))
  try {
    const rejoins = { agent: [] as number[], bare: [] as number[], cached: [] as number[] }
    for (const [index, way] of waysOf(device).entries()) {
      const joins = await measure(device, way, runs, index === 0 ? rejoins : null)
      say(`join by ${way.name}: agent ${told(joins.agent)}, bare ${told(joins.bare)}`)
      say(`join-${way.name} ratio=${ratioOf(joins).toFixed(2)}`)
    }
    say(`rejoin: agent ${told(rejoins.agent)}, bare ${told(rejoins.bare)}, bare with its keys kept ${told(rejoins.cached)}`)
    say(`rejoin ratio=${ratioOf(rejoins).toFixed(2)} target<=${TARGET.toFixed(2)}`)
    return ratioOf(rejoins) <= TARGET ? 0 : 1
  } finally {
    await device.close()
  }
}

process.exitCode = await main()
