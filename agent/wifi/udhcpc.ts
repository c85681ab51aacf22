/** busybox's DHCP client, run by the agent for as long as a link lasts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Log } from '../log.ts'

/** `command` is the client with its first parameters; `script` is what it calls to set addresses. */
export type UdhcpcOptions = { readonly command: readonly [string, ...string[]]; readonly script: string }

/** A running client. */
export type DhcpClient = {
  /** Where the hotspot's captive-portal API is (RFC 8910), once a lease said so. */
  captiveApi(): string | null
  /** Ends with a line of explanation if the client ends by itself. */
  readonly ended: Promise<string>
  /** Gives the lease back and waits until its address is off the interface. */
  stop(): Promise<void>
}

const STOP_TIMEOUT_MS = 2000
/** DHCPv4 option 114 (RFC 8910 §2.1). */
const CAPTIVE_PORTAL_OPTION = 114
const MOST_URI_BYTES = 255

/** Reads what the script says of option 114: its bytes in hex. */
export function parseCaptivePortalLine(line: string): string | null {
  const hex = /^captive-portal ((?:[0-9a-f]{2})+)$/i.exec(line)?.[1]
  return hex === undefined || hex.length > 2 * MOST_URI_BYTES ? null : Buffer.from(hex, 'hex').toString('utf8').replace(/\0+$/, '')
}

/** busybox from the PATH, and the script that is installed beside the agent's program file, which may be called by a link to it. */
export const udhcpcBeside = (programFile: string): UdhcpcOptions => ({
  command: ['busybox', 'udhcpc'],
  script: join(dirname(realpathSync(programFile)), 'udhcpc-script'),
})

/** Starts the client: foreground, asking without end, each second at first; on SIGTERM it releases the lease. */
export function startUdhcpc(options: UdhcpcOptions, interfaceName: string, log: Log): DhcpClient {
  const [program, ...first] = options.command
  const parameters = [
    '-f',
    '-R',
    '-t',
    '5',
    '-T',
    '1',
    '-A',
    '2',
    '-O',
    String(CAPTIVE_PORTAL_OPTION),
    '-i',
    interfaceName,
    '-s',
    options.script,
  ]
  const child = spawn(program, [...first, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => log.debug({ interface: interfaceName }, text.trimEnd()))
  let captiveApi: string | null = null
  createInterface({ input: child.stdout }).on('line', (line) => {
    captiveApi = parseCaptivePortalLine(line) ?? captiveApi
  })
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`udhcpc cannot be run (${error.message})`))
    child.on('exit', (code, signalName) => resolve(`udhcpc ended with ${code ?? signalName}`))
  })
  return { captiveApi: () => captiveApi, ended, stop: () => stop(child, ended) }
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(impatience)
}
