/** busybox's DHCP client, run by the agent for as long as a link lasts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Log } from '../log.ts'

/** `command` is the client with its first parameters; `script` is what it calls to set addresses. */
export type UdhcpcOptions = { readonly command: readonly [string, ...string[]]; readonly script: string }

/** A running client. */
export type DhcpClient = {
  /** Ends with a line of explanation if the client ends by itself. */
  readonly ended: Promise<string>
  /** Gives the lease back and waits until its address is off the interface. */
  stop(): Promise<void>
}

const STOP_TIMEOUT_MS = 2000

/** busybox from the PATH, and the script that is installed beside the agent's program file, which may be called by a link to it. */
export const udhcpcBeside = (programFile: string): UdhcpcOptions => ({
  command: ['busybox', 'udhcpc'],
  script: join(dirname(realpathSync(programFile)), 'udhcpc-script'),
})

/** Starts the client: foreground, asking without end, each second at first; on SIGTERM it releases the lease. */
export function startUdhcpc(options: UdhcpcOptions, interfaceName: string, log: Log): DhcpClient {
  const [program, ...first] = options.command
  const parameters = ['-f', '-R', '-t', '5', '-T', '1', '-A', '2', '-i', interfaceName, '-s', options.script]
  const child = spawn(program, [...first, ...parameters], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => log.debug({ interface: interfaceName }, text.trimEnd()))
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`udhcpc cannot be run (${error.message})`))
    child.on('exit', (code, signalName) => resolve(`udhcpc ended with ${code ?? signalName}`))
  })
  return { ended, stop: () => stop(child, ended) }
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(impatience)
}
