/** A write that really is short: a small library laid before libc in the agent's process. */
import { join } from 'node:path'
import { runProgram } from '../../run-program.ts'

/** Compiles the library into a folder; gives its path. */
export async function buildShortWrite(folder: string): Promise<string> {
  const library = join(folder, 'short-write.so')
  await runProgram('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, join(import.meta.dirname, 'short-write.c'), '-ldl'])
  return library
}

/** The environment in which the n-th write of the agent is short; `note` is the file that tells that it was. */
export const shortWriteEnvironment = (
  library: string,
  n: number,
  watched: { readonly folder: string; readonly file: string },
  note: string,
): Readonly<Record<string, string>> => ({
  LD_PRELOAD: library,
  SHORT_WRITE_AT: String(n),
  SHORT_WRITE_FOLDER: watched.folder,
  SHORT_WRITE_FILE: watched.file,
  SHORT_WRITE_NOTE: note,
})
