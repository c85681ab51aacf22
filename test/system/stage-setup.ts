/** Starts the PostgreSQL of a test run that needs one, and ends it. */
import type { TestProject } from 'vitest/node'
import { createCluster } from '../../scripts/postgres/cluster.ts'
import type { ClusterAddress } from '../../scripts/postgres/sql.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's PostgreSQL is; it is there on the stages that need one. */
    cluster: ClusterAddress
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await createCluster()
  project.provide('cluster', { socketFolder: cluster.socketFolder, port: cluster.port })
  return cluster.remove
}
