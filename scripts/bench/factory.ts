/**
 * `npm run bench:factory`: how near the factory comes to the raw limit of this machine, how far it is from a loop of openssl commands,
 * whether its memory stays flat over 100,000 devices, how long 1,000 labels take, and how fast a batch is registered. Baselines run in turn with it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { planBatch } from '../factory/batch/batch-options.ts'
import { createBatch } from '../factory/batch/create-batch.ts'
import { labelSheet } from '../factory/labels/label-sheet.ts'
import { readLabelTemplate } from '../factory/labels/label-template.ts'
import { zplLabels } from '../factory/labels/zpl.ts'
import { noProgress } from '../factory/progress.ts'
import { builtProgram } from '../story/programs.ts'
import { measureRawMs, opensslCommand, type RawBytes } from './factory/raw-limit.ts'
import { measureRegistration } from './factory/registration.ts'
import { commandLine, makeSampleLine, type SampleLine } from './factory/sample-line.ts'

const ROUNDS = 5
const DEVICES = 10_000
const DEVICES_IN_GROUP = 1000
const OPENSSL_DEVICES = 60
const MANY_DEVICES = 100_000
const SAMPLE_MS = 100
const LABELS = 1000
const LABELS_LIMIT_MS = 3000
const REGISTERED_PER_SECOND = 5000

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

function report(name: string, ratio: number, sign: '>=' | '<=', target: number): boolean {
  console.log(`${name} ratio=${ratio.toFixed(2)} target${sign}${target}`)
  return sign === '>=' ? ratio >= target : ratio <= target
}

/** The factory in this process, and the raw limit, in turn. */
async function certificates({ folder, common }: SampleLine): Promise<{ readonly factoryMs: number; readonly rawMs: number }> {
  const [factory, raw]: [number[], number[]] = [[], []]
  for (let round = 0; round <= ROUNDS; round += 1) {
    const out = join(folder, `certificates-${round}`)
    const ids = { count: DEVICES, pattern: `C${round}-{0000001..}` }
    const index = join(folder, `ids-${round}.csv`)
    const plan = await planBatch({ ...common, ...ids, out, index, credential: 'certificate' }, Date.now())
    const startedMs = performance.now()
    await createBatch(plan, { startProgress: () => noProgress, signal: new AbortController().signal })
    factory.push(performance.now() - startedMs)
    raw.push(await measureRawMs(join(folder, `raw-${round}`), DEVICES, DEVICES_IN_GROUP, bytesOf(out)))
  }
  // The first round warms both up.
  return { factoryMs: median(factory.slice(1)) / DEVICES, rawMs: median(raw.slice(1)) / DEVICES }
}

function bytesOf(batch: string): RawBytes {
  const sizes = new Map(readdirSync(batch).map((name) => [name, statSync(join(batch, name))]))
  const manifests = [...sizes.values()].filter((each) => each.isFile()).reduce((sum, { size }) => sum + size, 0) / DEVICES
  const [first = ''] = readdirSync(join(batch, 'configs'))
  return { file: statSync(join(batch, 'configs', first)).size, manifests: Math.round(manifests) }
}

function opensslMs(folder: string): number {
  const startedMs = performance.now()
  for (let number = 0; number < OPENSSL_DEVICES; number += 1) execFileSync('openssl', opensslCommand(folder, number), { stdio: 'pipe' })
  return (performance.now() - startedMs) / OPENSSL_DEVICES
}

/** Runs the built program over many devices; resident memory in MiB over its last tenth, and over its second. */
async function memory({ folder, common }: SampleLine) {
  const ids = { count: MANY_DEVICES, pattern: 'M-{0000001..}' }
  const options = commandLine({ ...common, ...ids, out: join(folder, 'many'), credential: 'shared-secret' })
  const startedMs = performance.now()
  const child = spawn(process.execPath, [builtProgram('zipkey-factory'), 'batch', 'create', ...options], { stdio: 'inherit' })
  const exit = once(child, 'exit')
  const samples: number[] = []
  while (child.exitCode === null) {
    const resident = /VmRSS:\s+(\d+)/.exec(existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : '')
    if (resident !== null) samples.push(Number(resident[1]) / 1024)
    await Promise.race([exit, setTimeout(SAMPLE_MS)])
  }
  if (child.exitCode !== 0) throw new Error('the factory failed')
  const tenth = Math.floor(samples.length / 10)
  return {
    seconds: (performance.now() - startedMs) / 1000,
    early: median(samples.slice(tenth, 2 * tenth)),
    late: median(samples.slice(-tenth)),
  }
}

async function labelsMs(): Promise<number> {
  const template = readLabelTemplate(null, ['id', 'account'])
  const devices = Array.from({ length: LABELS }, (_, index) => ({ id: `SN-${1_000_000 + index}`, account: 'acme' }))
  const startedMs = performance.now()
  await labelSheet(template, devices)
  zplLabels(template, devices)
  return performance.now() - startedMs
}

async function measure(line: SampleLine): Promise<readonly boolean[]> {
  const { factoryMs, rawMs } = await certificates(line)
  const commandMs = opensslMs(line.folder)
  console.log(
    `per device: factory ${factoryMs.toFixed(3)} ms, raw limit ${rawMs.toFixed(3)} ms, openssl command ${commandMs.toFixed(2)} ms; one thread each`,
  )
  const { seconds, early, late } = await memory(line)
  console.log(
    `${MANY_DEVICES} shared secrets in ${seconds.toFixed(1)} s; resident ${early.toFixed(0)} MiB in the second tenth, ${late.toFixed(0)} MiB in the last`,
  )
  const labels = await labelsMs()
  console.log(`${LABELS} labels, PDF and ZPL, in ${(labels / 1000).toFixed(2)} s; the limit is ${LABELS_LIMIT_MS / 1000} s`)
  const registered = await measureRegistration(line)
  console.log(`${registered.toFixed(0)} devices a second are registered, durably, on SQLite; the limit is ${REGISTERED_PER_SECOND}`)
  return [
    report('bench:factory', rawMs / factoryMs, '>=', 0.8),
    report('bench:factory-openssl', commandMs / factoryMs, '>=', 20),
    report('bench:factory-memory', late / early, '<=', 1.1),
    report('bench:factory-labels', labels / LABELS_LIMIT_MS, '<=', 1),
    report('bench:factory-registration', registered / REGISTERED_PER_SECOND, '>=', 1),
  ]
}

async function main(): Promise<number> {
  if (!existsSync(builtProgram('zipkey-factory'))) {
    console.error(`${builtProgram('zipkey-factory')} is missing: run npm run build`)
    return 1
  }
  const line = await makeSampleLine()
  try {
    return (await measure(line)).every((good) => good) ? 0 : 1
  } finally {
    rmSync(line.folder, { recursive: true })
  }
}

process.exitCode = await main()
