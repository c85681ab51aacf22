/** Who may import whom: the import table of the architecture, as the test compares it with the tree. */

/** What one part of the house may import. Everything that is not named here is forbidden. */
export type ImportRule = {
  /** Other parts, whole. */
  readonly parts: readonly string[]
  /** Other parts, by `import type` only. */
  readonly typesFrom?: readonly string[]
  /** Node's own modules; `any` where the part talks to the world. */
  readonly node: readonly string[] | 'any'
}

const ADAPTER: ImportRule = {
  parts: ['agent/ports.ts', 'agent/credential', 'agent/contract', 'agent/failure.ts', 'agent/log.ts'],
  node: 'any',
}

const LOOP = ['agent/lifecycle', 'agent/ports.ts', 'agent/failure.ts', 'agent/log.ts']

/**
 * A part is a folder directly below `agent/`, a file directly in `agent/`, or another top-level folder. `cloud/freeradius` is one of
 * its own: it ships beside the cloud and is not part of its program, and the labs set up the same. So are `scripts/campaign` and `scripts/sim`.
 */
export const IMPORT_RULES: Readonly<Record<string, ImportRule>> = {
  'agent/contract': { parts: [], node: ['node:crypto'] },
  'agent/credential': { parts: ['agent/contract', 'agent/failure.ts'], node: ['node:crypto'] },
  'agent/lifecycle': { parts: ['agent/credential', 'agent/failure.ts'], typesFrom: ['agent/ports.ts'], node: [] },
  'agent/failure.ts': { parts: [], node: [] },
  'agent/log.ts': { parts: ['agent/contract'], node: [] },
  'agent/ports.ts': { parts: [], typesFrom: ['agent/contract', 'agent/credential', 'agent/failure.ts'], node: ['node:stream'] },
  'agent/wifi': ADAPTER,
  'agent/cloud-client': ADAPTER,
  'agent/store': ADAPTER,
  'agent/host': ADAPTER,
  'agent/portal': ADAPTER,
  'agent/device-api': ADAPTER,
  'agent/token': ADAPTER,
  'agent/cli': { parts: ['agent/contract', 'config', 'agent/failure.ts'], node: 'any' },
  'agent/run.ts': { parts: LOOP, node: [] },
  'agent/profile-list.ts': {
    parts: ['agent/lifecycle', 'agent/ports.ts', 'agent/credential', 'agent/failure.ts'],
    node: [],
  },
  'agent/execute.ts': { parts: [...LOOP, 'agent/credential', 'agent/profile-list.ts'], typesFrom: ['agent/run.ts'], node: ['node:crypto'] },
  'agent/main.ts': { parts: ['agent/*', 'config'], node: 'any' },
  config: { parts: ['agent/contract', 'agent/credential', 'agent/failure.ts', 'agent/log.ts'], node: 'any' },
  cloud: { parts: ['agent/contract', 'cloud/freeradius'], node: 'any' },
  'cloud/freeradius': { parts: [], node: 'any' },
  // A campaign looks at what it attacks from within: the agent's own store, the cloud's own rules.
  'scripts/campaign': {
    parts: ['scripts', 'cloud', 'config', 'agent/store', 'agent/contract', 'agent/credential', 'agent/failure.ts', 'agent/log.ts'].concat(
      // Devices by the hundred, each of them the real lifecycle over the real adapters, in one process.
      ['agent/run.ts', 'agent/execute.ts', 'agent/ports.ts', 'agent/host', 'agent/cloud-client'],
    ),
    node: 'any',
  },
  // A simulation runs the agent's own backoff against the cloud's own gate, a million times over.
  'scripts/sim': { parts: ['scripts', 'cloud', 'config', 'agent/lifecycle'], node: 'any' },
  scripts: { parts: ['cloud/freeradius', 'agent/contract', 'agent/credential', 'agent/failure.ts', 'config'], node: 'any' },
}

/** Each library has one door: the files and folders (ending in `/`) that may import it. Types may be imported anywhere. */
export const LIBRARY_DOORS: Readonly<Record<string, readonly string[]>> = {
  '@fastify/rate-limit': ['cloud/'],
  '@fastify/swagger': ['cloud/'],
  '@peculiar/x509': ['cloud/issuer/', 'scripts/factory/certificate/'],
  'better-sqlite3': ['cloud/', 'scripts/bench/cloud/'],
  'cli-progress': ['scripts/factory/progress.ts'],
  commander: ['cloud/', 'scripts/', 'agent/cli/'],
  convict: ['config/'],
  'csv-parse': ['cloud/', 'scripts/factory/'],
  'dbus-next': ['agent/wifi/dbus.ts', 'agent/device-api/'],
  esbuild: ['scripts/'],
  fastify: ['cloud/', 'scripts/bench/cloud/'],
  'fastify-type-provider-zod': ['cloud/'],
  jose: ['agent/contract/', 'cloud/', 'scripts/factory/'],
  kysely: ['cloud/'],
  listr2: ['scripts/factory/flash/'],
  mqtt: ['agent/cloud-client/mqtt.ts'],
  'node-forge': ['agent/credential/pkcs12.ts'],
  'node-wifi': ['agent/wifi/laptop-scan.ts'],
  pdfkit: ['scripts/factory/labels/'],
  pg: ['cloud/', 'scripts/bench/cloud/'],
  pino: ['agent/log.ts'],
  qrcode: ['scripts/factory/labels/'],
  // The operator's client reads answers by schemas.
  zod: ['cloud/', 'scripts/campaign/cloud/', 'scripts/campaign/cloud-kill/', 'scripts/campaign/restore/', 'scripts/campaign/timing/'],
}
