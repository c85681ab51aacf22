/** Prepares a run of the cloud's suite on PostgreSQL: the server, and the programs, bundled so that many processes start soon. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { buildPrograms, OTHER_PROGRAMS } from '../../scripts/build/programs.ts'
import { createCluster } from '../../scripts/postgres/cluster.ts'
import type { ClusterAddress } from '../../scripts/postgres/sql.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's PostgreSQL is; it is there on the stages that need one. */
    cluster: ClusterAddress
    /** The folder of the bundled programs, on those stages. */
    programs: string
  }
}

const ROOT = resolve(import.meta.dirname, '../..')

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const programs = await mkdtemp(join(tmpdir(), 'zipkey-programs-'))
  const [zipkeyCloud] = OTHER_PROGRAMS.filter(({ entry }) => entry === 'cloud/main.ts')
  if (zipkeyCloud === undefined) throw new Error('the cloud is not among the programs')
  const withClock = { ...zipkeyCloud, entry: 'test/system/cloud-process.ts', file: 'cloud-process.cjs', form: 'plain' } as const
  await buildPrograms(ROOT, programs, [zipkeyCloud, withClock], Date.now())
  const cluster = await createCluster()
  project.provide('cluster', { socketFolder: cluster.socketFolder, port: cluster.port })
  project.provide('programs', programs)
  return async () => {
    await cluster.remove()
    await rm(programs, { recursive: true })
  }
}
