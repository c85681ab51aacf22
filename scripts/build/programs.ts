/** Bundles the product's programs into single files, with all that belongs beside the agent. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { WRAPPER } from './code-cache.ts'
import { lean } from './lean.ts'
import { licensesOf } from './licenses.ts'
import { pdfFont } from './pdf-font.ts'

/**
 * A program: `external` stays outside its bundle, such as native modules, and what dbus-next tries for buses that the agent has no
 * use for.
 */
export type Program = {
  readonly entry: string
  readonly file: string
  readonly external: readonly string[]
  /** `wrapped` is for the loader: it compiles the text as it stands. */
  readonly form: 'executable' | 'plain' | 'wrapped'
}

/** What a device needs; `zipkey-agent.cjs` loads the bundle. */
export const AGENT_PROGRAMS: readonly Program[] = [
  { entry: 'agent/main.ts', file: 'zipkey-agent.bundle.cjs', external: ['usocket', 'x11', 'event-stream'], form: 'wrapped' },
  { entry: 'scripts/build/loader.ts', file: 'zipkey-agent.cjs', external: [], form: 'executable' },
  { entry: 'scripts/build/write-code-cache.ts', file: 'write-code-cache.cjs', external: [], form: 'plain' },
]

/** What the cloud's operator and the factory need. */
export const OTHER_PROGRAMS: readonly Program[] = [
  { entry: 'cloud/main.ts', file: 'zipkey-cloud.cjs', external: ['better-sqlite3', 'pg-native'], form: 'executable' },
  { entry: 'scripts/factory/main.ts', file: 'zipkey-factory.cjs', external: [], form: 'executable' },
]

/** Builds programs of the checkout `root` into `directory`; `timeMs` goes into them as the time before which no clock is right. */
export async function buildPrograms(root: string, directory: string, programs: readonly Program[], timeMs: number): Promise<void> {
  const inputs = new Set<string>()
  for (const program of programs) {
    const { metafile } = await build(optionsOf(root, directory, program, timeMs))
    chmodSync(join(directory, program.file), program.form === 'executable' ? 0o755 : 0o644)
    for (const input of Object.keys(metafile.inputs)) inputs.add(input)
  }
  copyFileSync(join(root, 'agent/wifi/udhcpc-script'), join(directory, 'udhcpc-script'))
  chmodSync(join(directory, 'udhcpc-script'), 0o755)
  writeFileSync(join(directory, 'LICENSES.txt'), licensesOf(root, [...inputs]))
}

/** Makes the agent's code cache for the node that runs this. */
export function makeCodeCache(root: string, directory: string): void {
  const [bundle, example] = [join(directory, 'zipkey-agent.bundle.cjs'), join(root, 'config/examples/temporary-derived-secret.json')]
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...environment } = process.env
  execFileSync(process.execPath, [join(directory, 'write-code-cache.cjs'), bundle, example], { stdio: 'pipe', env: environment })
}

function frameOf({ form }: Program): Pick<BuildOptions, 'banner' | 'footer'> {
  switch (form) {
    case 'executable':
      return { banner: { js: '#!/usr/bin/env node' } }
    case 'wrapped':
      return { banner: { js: WRAPPER[0] }, footer: { js: WRAPPER[1] } }
    case 'plain':
      return {}
  }
}

const optionsOf = (root: string, directory: string, program: Program, timeMs: number): BuildOptions & { readonly metafile: true } => ({
  entryPoints: [join(root, program.entry)],
  outfile: join(directory, program.file),
  absWorkingDir: root,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  external: [...program.external],
  ...frameOf(program),
  legalComments: 'none',
  plugins: program.entry === 'agent/main.ts' ? [lean] : [pdfFont],
  define: { BUILD_TIME_MS: String(timeMs), 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
  logOverride: { 'require-resolve-not-external': 'silent' },
  metafile: true,
})
