/** The interfaces of a Linux machine: sysfs for what they are, rtnetlink through `ip monitor` (iproute2) for what changes. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { AgentError, type Failure } from '../failure.ts'
import { AddressTable } from './address-table.ts'
import type { Netdev, Netdevs } from './netdevs.ts'

/** `ip` is the command with its first parameters; `sysfs` where sysfs is mounted. Both have other values in another network namespace. */
export type LinuxNetdevsOptions = { readonly ip: readonly [string, ...string[]]; readonly sysfs: string }

/** What an agent uses in its own network namespace. */
export const OWN_NAMESPACE: LinuxNetdevsOptions = { ip: ['ip'], sysfs: '/sys' }

const START_TIMEOUT_MS = 3000
const START_CHECK_MS = 10

/** Opens them; nothing is started before it is needed. */
export function openLinuxNetdevs(options: LinuxNetdevsOptions): Netdevs {
  const table = new AddressTable()
  const listeners = new Set<() => void>()
  const changed = (): void => {
    for (const listener of [...listeners]) listener()
  }
  let following: Promise<Monitor> | null = null
  let failure: Failure | null = null
  const begin = async (): Promise<Monitor> => {
    const monitor = await startMonitor(options, table, changed)
    failure = null
    void monitor.ended.then((reason) => {
      failure = reason
      following = null
      changed()
    })
    return monitor
  }
  const follow = async (): Promise<void> => {
    following ??= begin().catch((error: unknown) => {
      following = null
      throw error
    })
    await following
  }
  return {
    find: (interfaceName) => find(options.sysfs, interfaceName),
    radios: () => radios(options.sysfs),
    follow,
    now: () => table.age,
    addresses: (interfaceName, mark) => table.usable(interfaceName).map(({ address, age }) => ({ address, isFresh: age > mark })),
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    broken: () => failure,
    close: () =>
      void following?.then(
        (monitor) => monitor.child.kill(),
        () => {},
      ),
  }
}

type Monitor = { readonly child: ChildProcess; readonly ended: Promise<Failure> }

async function startMonitor({ ip }: LinuxNetdevsOptions, table: AddressTable, changed: () => void): Promise<Monitor> {
  const [program, ...first] = ip
  // What the monitor says while the addresses are being listed is read after the list: it may be newer, never older.
  let early: string[] | null = []
  const child = spawn(program, [...first, '-o', 'monitor', 'address', 'link'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise<Failure>((resolve) => {
    child.on('error', (error) => resolve(monitorFailure(error.message)))
    child.on('exit', (code, signalName) => resolve(monitorFailure(`it ended with ${code ?? signalName}`)))
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (early !== null) return void early.push(line)
    table.read(line)
    changed()
  })
  try {
    await Promise.race([isListening(child), ended.then((failure) => Promise.reject(new AgentError(failure.code, failure.detail)))])
    const { stdout } = await promisify(execFile)(program, [...first, '-o', 'address', 'show'])
    table.clear()
    for (const line of [...stdout.split('\n'), ...early]) table.read(line)
    early = null
  } catch (error) {
    child.kill()
    throw error instanceof AgentError
      ? error
      : new AgentError('ERR_WIFI_NO_ADDRESS', '"ip address show" of iproute2 failed', { cause: error })
  }
  return { child, ended }
}

const monitorFailure = (reason: string): Failure => ({
  code: 'ERR_WIFI_NO_ADDRESS',
  detail: `"ip monitor" of iproute2 does not run: ${reason}`,
  retryAfterMs: 0,
})

/**
 * `ip monitor` does not say when it has joined its multicast groups, and what happens before is lost to it.
 * The kernel shows the groups of every netlink socket; this waits for those of the child.
 */
async function isListening(child: ChildProcess): Promise<void> {
  const startedMs = performance.now()
  while (performance.now() - startedMs < START_TIMEOUT_MS) {
    const sockets = child.pid === undefined ? '' : await readFile(`/proc/${child.pid}/net/netlink`, 'utf8').catch(() => '')
    if (sockets.split('\n').some((line) => isRouteSocketOf(line, child.pid))) return
    await new Promise((resolve) => setTimeout(resolve, START_CHECK_MS))
  }
  throw new AgentError('ERR_WIFI_NO_ADDRESS', `"ip monitor" of iproute2 did not start within ${START_TIMEOUT_MS} ms`)
}

/** Columns: socket, protocol (0 is NETLINK_ROUTE), port id (the process id for a program's first socket), multicast groups in hex, … */
function isRouteSocketOf(line: string, pid: number | undefined): boolean {
  const [, protocol, portId, groups] = line.split(/\s+/)
  return protocol === '0' && portId === String(pid) && Number.parseInt(groups ?? '', 16) > 0
}

async function find(sysfs: string, interfaceName: string): Promise<Netdev | null> {
  const folder = `${sysfs}/class/net/${interfaceName}`
  const read = (file: string): Promise<string | null> => readFile(`${folder}/${file}`, 'utf8').catch(() => null)
  // An interface that is down has no `carrier` to read.
  const [index, carrier, isRadio] = await Promise.all([read('ifindex'), read('carrier'), exists(`${folder}/phy80211`)])
  if (index === null) return null
  return { driver: isRadio ? 'nl80211' : 'wired', index: Number(index), hasCarrier: carrier?.trim() === '1' }
}

async function radios(sysfs: string): Promise<readonly string[]> {
  const names = (await readdir(`${sysfs}/class/net`)).sort()
  const found = await Promise.all(names.map((name) => find(sysfs, name)))
  return names.filter((_, index) => found[index]?.driver === 'nl80211')
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
