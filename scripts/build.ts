/** `npm run build`: the three programs as single files in `dist/`, and all that `scripts/install` needs beside them. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AGENT_PROGRAMS, buildPrograms, makeCodeCache, OTHER_PROGRAMS } from './build/programs.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
/** Files move to `dist/` when all are complete, so that who runs a program from there never meets half of one. */
const UNFINISHED = join(DIST, `.building-${process.pid}`)
const PROGRAMS = [...AGENT_PROGRAMS, ...OTHER_PROGRAMS]

/** SOURCE_DATE_EPOCH (reproducible-builds.org), or now. */
const buildTimeMs = (): number => Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(Date.now() / 1000)) * 1000

async function main(): Promise<number> {
  const missing = PROGRAMS.filter(({ entry }) => !existsSync(join(ROOT, entry)))
  for (const { entry, file } of missing) console.error(`error: dist/${file} cannot be built: ${entry} is missing`)
  if (missing.length > 0) return 1
  mkdirSync(UNFINISHED, { recursive: true })
  try {
    await buildPrograms(ROOT, UNFINISHED, PROGRAMS, buildTimeMs())
    makeCodeCache(ROOT, UNFINISHED)
    publish()
    return 0
  } finally {
    rmSync(UNFINISHED, { recursive: true, force: true })
  }
}

function publish(): void {
  for (const name of readdirSync(DIST)) if (name.endsWith('.cache')) rmSync(join(DIST, name))
  for (const name of readdirSync(UNFINISHED)) {
    renameSync(join(UNFINISHED, name), join(DIST, name))
    console.log(`dist/${name} ${Math.ceil(statSync(join(DIST, name)).size / 1024)} KiB`)
  }
}

process.exitCode = await main()
