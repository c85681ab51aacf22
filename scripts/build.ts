/** `npm run build`: the three programs as single files in `dist/`, and all that `scripts/install` needs beside them. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { licensesOf } from './build/licenses.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

/** What is bundled, and what stays outside: native modules, and what dbus-next tries for buses that the agent has no use for. */
const PROGRAMS = [
  { entry: 'agent/main.ts', file: 'zipkey-agent.bundle.cjs', external: ['usocket', 'x11', 'event-stream'] },
  { entry: 'scripts/build/loader.ts', file: 'zipkey-agent.cjs', external: [] },
  { entry: 'scripts/build/write-code-cache.ts', file: 'write-code-cache.cjs', external: [] },
  { entry: 'cloud/main.ts', file: 'zipkey-cloud.cjs', external: ['better-sqlite3'] },
  { entry: 'scripts/factory/main.ts', file: 'zipkey-factory.cjs', external: [] },
] as const

type Program = (typeof PROGRAMS)[number]

/** SOURCE_DATE_EPOCH (reproducible-builds.org), or now. */
const buildTimeMs = (): number => Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(Date.now() / 1000)) * 1000

const optionsOf = ({ entry, file, external }: Program, timeMs: number): BuildOptions & { readonly metafile: true } => ({
  entryPoints: [join(ROOT, entry)],
  outfile: join(DIST, file),
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  external: [...external],
  legalComments: 'none',
  charset: 'utf8',
  define: { BUILD_TIME_MS: String(timeMs), 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
  logOverride: { 'require-resolve-not-external': 'silent' },
  metafile: true,
})

async function main(): Promise<number> {
  const missing = PROGRAMS.filter(({ entry }) => !existsSync(join(ROOT, entry)))
  const timeMs = buildTimeMs()
  rmSync(DIST, { recursive: true, force: true })
  mkdirSync(DIST, { recursive: true })
  const inputs = new Set<string>()
  for (const program of PROGRAMS.filter((each) => !missing.includes(each))) {
    const { metafile } = await build(optionsOf(program, timeMs))
    for (const input of Object.keys(metafile.inputs)) inputs.add(input)
    console.log(`dist/${program.file} ${Math.ceil(statSync(join(DIST, program.file)).size / 1024)} KiB`)
  }
  copyFileSync(join(ROOT, 'agent/wifi/udhcpc-script'), join(DIST, 'udhcpc-script'))
  chmodSync(join(DIST, 'udhcpc-script'), 0o755)
  writeFileSync(join(DIST, 'LICENSES.txt'), licensesOf(ROOT, [...inputs]))
  if (missing.every(({ entry }) => entry !== 'agent/main.ts')) writeCodeCache()
  for (const { entry, file } of missing) console.error(`error: dist/${file} is not built: ${entry} is missing`)
  return missing.length === 0 ? 0 : 1
}

function writeCodeCache(): void {
  const [bundle, example] = [join(DIST, 'zipkey-agent.bundle.cjs'), join(ROOT, 'config/examples/temporary-derived-secret.json')]
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...environment } = process.env
  execFileSync(process.execPath, [join(DIST, 'write-code-cache.cjs'), bundle, example], { stdio: 'pipe', env: environment })
  console.log(`${relative(ROOT, bundle)}: code cache for ${process.version} on ${process.arch}`)
}

process.exitCode = await main()
