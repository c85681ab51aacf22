/**
 * What the agent's bundle need not load at its start. Each row stands in for a module in the files of some importers: modules of
 * Node that are needed only later are loaded at first use, parts of libraries that the agent has no use for are left out.
 */
import type { Plugin } from 'esbuild'

type StandIn = { readonly module: string; readonly importedBy: RegExp; readonly contents: string }

const OURS = /\/agent\//
const PINO = /\/node_modules\/(pino|sonic-boom|thread-stream)\//

/** A member that a row does not export fails the build; members of a default export are looked up in the real module. */
const STAND_INS: readonly StandIn[] = [
  {
    module: 'node:https',
    importedBy: OURS,
    contents: "export default new Proxy({}, { get: (_, name) => require('node:https')[name] })",
  },
  {
    module: 'node:tls',
    importedBy: OURS,
    contents: `const tls = () => require('node:tls')
      export const connect = (...args) => tls().connect(...args)
      export const createSecureContext = (...args) => tls().createSecureContext(...args)
      export const checkServerIdentity = (...args) => tls().checkServerIdentity(...args)`,
  },
  {
    module: 'node:readline',
    importedBy: OURS,
    contents: "export const createInterface = (...args) => require('node:readline').createInterface(...args)",
  },
  {
    // Only PKCS#12 needs it, and of it only this.
    module: 'node-forge',
    importedBy: OURS,
    contents: `export default new Proxy({}, {
      get: (_, name) => (require('node-forge/lib/pkcs12'), require('node-forge/lib/forge')[name]),
    })`,
  },
  {
    module: 'assert',
    importedBy: PINO,
    contents: 'module.exports = (fact, message) => { if (!fact) throw new Error(message) }',
  },
  {
    module: 'worker_threads',
    importedBy: PINO,
    contents: "module.exports = { isMainThread: true, Worker: class { constructor() { throw new Error('no log transports here') } } }",
  },
]

/** The esbuild plugin; a row that nothing imports any more is an error, so that the table stays true. */
export const lean: Plugin = {
  name: 'lean',
  setup(build) {
    const used = new Set<StandIn>()
    build.onResolve({ filter: /^[a-z:_-]+$/ }, ({ path, importer, namespace }) => {
      const row = namespace === 'file' ? STAND_INS.find((each) => each.module === path && each.importedBy.test(importer)) : undefined
      if (row === undefined) return undefined
      used.add(row)
      return { path, namespace: 'stand-in' }
    })
    build.onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ path }) => {
      const row = STAND_INS.find((each) => each.module === path)
      return row === undefined ? undefined : { contents: row.contents, loader: 'js', resolveDir: build.initialOptions.absWorkingDir ?? '.' }
    })
    build.onEnd(() => ({
      errors: STAND_INS.filter((row) => !used.has(row)).map(({ module }) => ({
        text: `nothing imports ${module} any more: take it out of lean.ts`,
      })),
    }))
  },
}
