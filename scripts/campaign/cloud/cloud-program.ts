/** The cloud's program as a campaign runs it: the built one, or one with a fault put into its source, to see whether the campaign notices. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { builtProgram } from '../../story/programs.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** A fault: in this file of the cloud, this passage becomes another. */
export type SourceFault = { readonly file: string; readonly passage: string; readonly becomes: string }

/** A program, and what it needs to find its native modules from where it lies. */
export type CloudProgram = { readonly file: string; readonly environment: Readonly<Record<string, string>> }

/** The program that `npm run build` made. */
export const soundProgram = (): CloudProgram => ({ file: builtProgram('zipkey-cloud'), environment: {} })

/** Builds the program with faults; a passage that is not there exactly once is told, since the fault would be none. */
export async function faultyProgram(folder: string, faults: readonly SourceFault[]): Promise<CloudProgram> {
  const file = join(folder, 'zipkey-cloud.cjs')
  const unused = new Set(faults)
  await build({
    entryPoints: [join(ROOT, 'cloud/main.ts')],
    outfile: file,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    external: ['better-sqlite3', 'pg-native'],
    plugins: [insert(faults, unused)],
    logLevel: 'error',
    logOverride: { 'require-resolve-not-external': 'silent' },
  })
  for (const { file: missed } of unused) throw new Error(`${missed} is not part of the cloud`)
  return { file, environment: { NODE_PATH: join(ROOT, 'node_modules') } }
}

const insert = (faults: readonly SourceFault[], unused: Set<SourceFault>): Plugin => ({
  name: 'faults',
  setup(builder) {
    builder.onLoad({ filter: /\/cloud\/.*\.ts$/ }, async ({ path }) => {
      let contents = await readFile(path, 'utf8')
      for (const fault of faults.filter(({ file }) => path === join(ROOT, file))) {
        if (contents.split(fault.passage).length !== 2) throw new Error(`${fault.file} has no longer the one passage: ${fault.passage}`)
        contents = contents.replace(fault.passage, () => fault.becomes)
        unused.delete(fault)
      }
      return { contents, loader: 'ts' }
    })
  },
})
