import { defineConfig } from 'vitest/config'

const project = (name: string, timeoutMs: number, serial: boolean) => ({
  test: {
    name,
    include: name === 'unit' ? ['test/unit/**/*.test.ts', 'test/architecture.test.ts'] : [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: name === 'radio' ? 300_000 : 60_000,
    fileParallelism: !serial,
  },
})

export default defineConfig({
  test: {
    projects: [
      project('unit', 20_000, false),
      project('adapter', 30_000, true),
      project('system', 60_000, true),
      project('radio', 90_000, true),
    ],
  },
})
