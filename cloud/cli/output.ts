/** Where commands print: results on stdout; a secret, shown once, on stdout or into a file of its own. */
import { writePrivateFile } from '../data-folder.ts'

/** Prints a line on stdout. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Hands a secret over: into a new 0600 file, or on stdout where none is named. */
export async function handOver(secret: string, file: string | undefined): Promise<void> {
  if (file === undefined) print(secret)
  else await writePrivateFile(file, `${secret}\n`)
}
