/** How fast a batch is registered: the built command, from its start to its end, against the built cloud on SQLite, on the disk of the checkout. */
import { join } from 'node:path'
import { planBatch } from '../../factory/batch/batch-options.ts'
import { createBatch } from '../../factory/batch/create-batch.ts'
import { noProgress } from '../../factory/progress.ts'
import { runProgram } from '../../run-program.ts'
import { builtProgram } from '../../story/programs.ts'
import { openBenchCloud } from '../cloud/servers.ts'
import type { SampleLine } from './sample-line.ts'

const DEVICES = 25_000

/** Devices a second, each durable before it is told. */
export async function measureRegistration({ folder, common }: SampleLine): Promise<number> {
  const at = join(folder, 'registration')
  const cloud = await openBenchCloud({ folder: at, database: null, nodeOptions: [], config: {} })
  try {
    const client = join(at, 'cloud/client-of-bench.json')
    const operate = (...command: readonly string[]) =>
      runProgram(process.execPath, [builtProgram('zipkey-cloud'), '--client', client, ...command])
    const registrationKey = join(at, 'registration-key.json')
    await operate('registration-key', '--out', registrationKey)
    await operate('factory-key', 'add', cloud.line.account, 'line-7', '--file', `${common.factoryKey}.pub.json`)
    const ids = { count: DEVICES, pattern: 'R-{0000001..}', index: join(at, 'ids.csv') }
    const plan = await planBatch({ ...common, ...ids, registrationKey, out: join(at, 'batch'), credential: 'shared-secret' }, Date.now())
    await createBatch(plan, { startProgress: () => noProgress, signal: new AbortController().signal })
    const startedMs = performance.now()
    await runProgram(process.execPath, [builtProgram('zipkey-factory'), 'register', '--batch', plan.folder, '--client', client, '--json'])
    return (DEVICES * 1000) / (performance.now() - startedMs)
  } finally {
    await cloud.stop()
  }
}
