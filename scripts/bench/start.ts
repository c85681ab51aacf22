/**
 * `npm run bench:start`: what the built agent costs against bare node, in time until its first call on D-Bus, and in resident
 * memory when it is steady (on the wire, which needs root). `--time` and `--memory` measure one of them.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { builtProgram } from '../story/programs.ts'
import { measureStart } from './first-call.ts'
import { measureResident } from './resident.ts'

const START_TARGET = 2.0
const RSS_TARGET = 1.35

function report(name: string, ratio: number, target: number): boolean {
  console.log(`${name} ratio=${ratio.toFixed(2)} target<=${target}`)
  return ratio <= target
}

async function start(agent: string): Promise<boolean> {
  const { bareMs, agentMs, runs } = await measureStart(agent)
  console.log(
    `bare node ${bareMs.toFixed(1)} ms, agent to first D-Bus call ${agentMs.toFixed(1)} ms; medians of ${runs} runs each, in turn`,
  )
  return report('start', agentMs / bareMs, START_TARGET)
}

async function resident(): Promise<boolean> {
  const { bareKib, agentKib, runs } = await measureResident()
  console.log(`bare node ${Math.round(bareKib / 1024)} MiB, agent in steady state ${Math.round(agentKib / 1024)} MiB; medians of ${runs}`)
  return report('rss', agentKib / bareKib, RSS_TARGET)
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { time: { type: 'boolean' }, memory: { type: 'boolean' } } })
  const agent = builtProgram('zipkey-agent')
  if (!existsSync(agent)) {
    console.error(`${agent} is missing: run npm run build`)
    return 1
  }
  const both = values.time === values.memory
  const results = [both || values.time === true ? await start(agent) : true, both || values.memory === true ? await resident() : true]
  return results.every((good) => good) ? 0 : 1
}

process.exitCode = await main()
