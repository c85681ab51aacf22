/** Running a program to its end. */
import { execFile } from 'node:child_process'

// The list of a hundred Debian packages' files is longer than Node's own limit.
const MOST_OUTPUT_BYTES = 64 << 20

/** Gives what the program printed; a failure carries the program's own words. */
export function runProgram(program: string, parameters: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...parameters], { maxBuffer: MOST_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${program} ${parameters.join(' ')} failed: ${stderr.trim() || stdout.trim() || error.message}`))
    })
  })
}
