/** Runs the programs that read and write file systems without mounting them. */
import { execFile } from 'node:child_process'
import { TargetError } from './target.ts'

/** How a program ended, and what it said. */
export type ToolResult = { readonly exitCode: number; readonly stdout: Uint8Array; readonly stderr: string }

const MOST_OUTPUT_BYTES = 16 << 20

/** Runs a program to its end with this on its stdin; only one that cannot be started at all rejects. `debianPackage` has it. */
export function runTool(program: string, parameters: readonly string[], debianPackage: string, stdin?: Uint8Array): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C', MTOOLSRC: '/dev/null', DEBUGFS_PAGER: 'cat' }
    const options = { encoding: 'buffer', maxBuffer: MOST_OUTPUT_BYTES, env } as const
    const child = execFile(program, [...parameters], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') return reject(new TargetError(whyNotRun(program, debianPackage, error)))
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr: stderr.toString('utf8').trim() })
    })
    // A program that does not read to the end still decides by its exit code.
    child.stdin?.on('error', () => {})
    child.stdin?.end(stdin)
  })
}

function whyNotRun(program: string, debianPackage: string, error: { readonly code?: unknown; readonly message: string }): string {
  return error.code === 'ENOENT' ? `${program} is not here: install ${debianPackage}` : `${program} could not be run: ${error.message}`
}
