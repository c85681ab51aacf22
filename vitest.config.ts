import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const project = (name: string, timeoutMs: number, serial: boolean) => ({
  test: {
    name,
    include: name === 'unit' ? ['test/unit/**/*.test.ts', 'test/architecture.test.ts'] : [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: name === 'radio' ? 300_000 : 60_000,
    fileParallelism: !serial,
  },
})

// The tests of the cloud's behaviour, which stand on any database; the others look at what is no different there.
const CLOUD_SUITE = [
  'certificates',
  'certificate-authorities',
  'registered-certificates',
  'cloud*',
  'external-ca',
  'refusals',
  'rotation',
].map((name) => `test/system/${name}.test.ts`)

/** The cloud's suite once more, on PostgreSQL or on a pair of processes on one (test/system/cloud-stage.ts). */
function stage(name: 'postgres' | 'pair', exclude: readonly string[]): TestProjectInlineConfiguration {
  const system = project('system', 60_000, true)
  const provide = { cloudStage: name }
  return {
    test: { ...system.test, name, include: CLOUD_SUITE, exclude: [...exclude], provide, globalSetup: 'test/system/stage-setup.ts' },
  }
}

export default defineConfig({
  test: {
    projects: [
      project('unit', 20_000, false),
      project('adapter', 30_000, true),
      project('system', 60_000, true),
      stage('postgres', []),
      // Limits per address are counted by each process for itself, what is wrong with a CA is told by one before it serves, and
      // queries can be listened to only in this process.
      stage(
        'pair',
        ['cloud-limits', 'cloud-query-plans', 'external-ca'].map((name) => `test/system/${name}.test.ts`),
      ),
      project('radio', 90_000, true),
    ],
  },
})
