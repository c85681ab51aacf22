import { execFile } from 'node:child_process'

/** Runs a program to its end and gives what it printed; a failure carries the program's own words. */
export function runProgram(program: string, parameters: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...parameters], { ...options, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${program} ${parameters[0] ?? ''} failed: ${stderr.trim() || error.message}`))
    })
  })
}
