/** Running a program to its end. */
import { execFile } from 'node:child_process'

/** Gives what the program printed; a failure carries the program's own words. */
export function runProgram(program: string, parameters: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...parameters], (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${program} ${parameters.join(' ')} failed: ${stderr.trim() || stdout.trim() || error.message}`))
    })
  })
}
