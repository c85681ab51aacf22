/** `zipkey-cloud` as operators run it: bundled once, a process for every command. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const REPOSITORY = resolve(import.meta.dirname, '../..')

/** How a command ended. */
export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** The bundled program, with the client file `client.json` of a folder. */
export type CloudProgram = {
  readonly run: (parameters: readonly string[], stdin?: string) => Promise<Ended>
  /** Starts a command that goes on; the caller ends it. */
  readonly start: (...parameters: readonly string[]) => ChildProcess
}

/** Bundles the program into the folder. */
export async function buildCloudProgram(folder: string): Promise<CloudProgram> {
  const program = join(folder, 'zipkey-cloud.cjs')
  await build({
    entryPoints: [join(REPOSITORY, 'cloud/main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['better-sqlite3', 'pg-native'],
    logLevel: 'error',
  })
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env
  const env = { ...inherited, ZIPKEY_CLOUD_CLIENT: join(folder, 'client.json'), NODE_PATH: join(REPOSITORY, 'node_modules') }
  return {
    run: (parameters, stdin = '') =>
      new Promise((done) => {
        const child = execFile(process.execPath, [program, ...parameters], { env }, (error, stdout, stderr) =>
          done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
        )
        child.stdin?.end(stdin)
      }),
    start: (...parameters) => spawn(process.execPath, [program, ...parameters], { env, stdio: ['ignore', 'pipe', 'inherit'] }),
  }
}
