/** `npm run build`: the three programs as single files in `dist/`, and all that `scripts/install` needs beside them. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { licensesOf } from './build/licenses.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
/** Files move to `dist/` when all are complete, so that who runs a program from there never meets half of one. */
const UNFINISHED = join(DIST, `.building-${process.pid}`)

/** What is bundled, and what stays outside: native modules, and what dbus-next tries for buses that the agent has no use for. */
const PROGRAMS = [
  { entry: 'agent/main.ts', file: 'zipkey-agent.bundle.cjs', external: ['usocket', 'x11', 'event-stream'], executable: false },
  { entry: 'scripts/build/loader.ts', file: 'zipkey-agent.cjs', external: [], executable: true },
  { entry: 'scripts/build/write-code-cache.ts', file: 'write-code-cache.cjs', external: [], executable: false },
  { entry: 'cloud/main.ts', file: 'zipkey-cloud.cjs', external: ['better-sqlite3'], executable: true },
  { entry: 'scripts/factory/main.ts', file: 'zipkey-factory.cjs', external: [], executable: true },
] as const

type Program = (typeof PROGRAMS)[number]

/** SOURCE_DATE_EPOCH (reproducible-builds.org), or now. */
const buildTimeMs = (): number => Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(Date.now() / 1000)) * 1000

const optionsOf = ({ entry, file, external, executable }: Program, timeMs: number): BuildOptions & { readonly metafile: true } => ({
  entryPoints: [join(ROOT, entry)],
  outfile: join(UNFINISHED, file),
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  external: [...external],
  banner: executable ? { js: '#!/usr/bin/env node' } : {},
  legalComments: 'none',
  define: { BUILD_TIME_MS: String(timeMs), 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
  logOverride: { 'require-resolve-not-external': 'silent' },
  metafile: true,
})

async function main(): Promise<number> {
  const missing = PROGRAMS.filter(({ entry }) => !existsSync(join(ROOT, entry)))
  for (const { entry, file } of missing) console.error(`error: dist/${file} cannot be built: ${entry} is missing`)
  if (missing.length > 0) return 1
  mkdirSync(UNFINISHED, { recursive: true })
  try {
    await fill()
    for (const name of readdirSync(DIST)) if (name.endsWith('.cache')) rmSync(join(DIST, name))
    for (const name of readdirSync(UNFINISHED)) renameSync(join(UNFINISHED, name), join(DIST, name))
    return 0
  } finally {
    rmSync(UNFINISHED, { recursive: true, force: true })
  }
}

async function fill(): Promise<void> {
  const timeMs = buildTimeMs()
  const inputs = new Set<string>()
  for (const program of PROGRAMS) {
    const { metafile } = await build(optionsOf(program, timeMs))
    chmodSync(join(UNFINISHED, program.file), program.executable ? 0o755 : 0o644)
    for (const input of Object.keys(metafile.inputs)) inputs.add(input)
    console.log(`dist/${program.file} ${Math.ceil(statSync(join(UNFINISHED, program.file)).size / 1024)} KiB`)
  }
  copyFileSync(join(ROOT, 'agent/wifi/udhcpc-script'), join(UNFINISHED, 'udhcpc-script'))
  chmodSync(join(UNFINISHED, 'udhcpc-script'), 0o755)
  writeFileSync(join(UNFINISHED, 'LICENSES.txt'), licensesOf(ROOT, [...inputs]))
  writeCodeCache()
}

function writeCodeCache(): void {
  const [bundle, example] = [join(UNFINISHED, 'zipkey-agent.bundle.cjs'), join(ROOT, 'config/examples/temporary-derived-secret.json')]
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...environment } = process.env
  execFileSync(process.execPath, [join(UNFINISHED, 'write-code-cache.cjs'), bundle, example], { stdio: 'pipe', env: environment })
  console.log(`dist/${basename(bundle)}: code cache for ${process.version} on ${process.arch}`)
}

process.exitCode = await main()
