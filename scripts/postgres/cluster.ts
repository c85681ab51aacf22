/**
 * A throw-away PostgreSQL of Debian: its data on the disk with fsync on, as in service, listening on loopback and on a unix socket
 * in its own folder. It ends with the process that started it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { chmod, copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { CertificateFiles } from '../pki.ts'
import { runProgram } from '../run-program.ts'
import { killTree } from './kill-tree.ts'
import { type ClusterAddress, runSql } from './sql.ts'

/** A cluster that runs, or can be started again. */
export type Cluster = ClusterAddress & {
  /** Where its files are. */
  readonly dataFolder: string
  readonly start: () => Promise<void>
  /** Ends it in order: transactions under way are rolled back. */
  readonly stop: () => Promise<void>
  /** Ends all of its processes at once, as a power cut of its host would, but for what the disk's cache holds. */
  readonly kill: () => Promise<void>
  /** Stops it and removes its files. */
  readonly remove: () => Promise<void>
}

const PROGRAMS = '/usr/lib/postgresql'
const OWNER = 'postgres'
const START_WITHIN_MS = 30_000
// Before it recovers from a kill the server flushes every file of every database, one by one, unless it is told to flush them all at once.
const RECOVERY = 'recovery_init_sync_method=syncfs'
const SETTINGS = ['fsync=on', RECOVERY, 'max_connections=60', 'shared_buffers=32MB', 'logging_collector=off', 'log_min_messages=fatal']

/** The server's programs, of the newest version that is installed. */
async function programFolder(): Promise<string> {
  const versions = await readdir(PROGRAMS).catch((): string[] => [])
  const newest = versions
    .map(Number)
    .filter(Number.isInteger)
    .sort((one, other) => other - one)[0]
  if (newest === undefined) throw new Error('PostgreSQL is not installed: scripts/install-deps')
  return join(PROGRAMS, String(newest), 'bin')
}

// The server refuses to run as root. It gets SIGINT, its fast shutdown, when the process that started it ends in any way.
const asOwner = (command: readonly string[]): readonly string[] => [
  `--reuid=${OWNER}`,
  `--regid=${OWNER}`,
  '--init-groups',
  '--pdeathsig=INT',
  '--',
  ...command,
]

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Makes a cluster in a new folder, and starts it. Roles of its databases need a password on loopback, none on the socket. `tls` is its certificate. */
export async function createCluster(tls: CertificateFiles | null = null): Promise<Cluster> {
  const programs = await programFolder()
  const folder = await mkdtemp(join(tmpdir(), 'zipkey-postgres-'))
  await runProgram('chown', [`${OWNER}:${OWNER}`, folder])
  const dataFolder = join(folder, 'data')
  const initdb = [join(programs, 'initdb'), '-D', dataFolder, '-U', OWNER, '--auth-local=trust', '--auth-host=scram-sha-256']
  await runProgram('setpriv', [...asOwner([...initdb, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'])])
  const port = await freePort()
  const where = [`unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1', `port=${port}`]
  const settings = [...SETTINGS, ...where, ...(tls === null ? [] : await tlsSettings(folder, tls))]
  const server = [join(programs, 'postgres'), '-D', dataFolder, ...settings.flatMap((setting) => ['-c', setting])]
  const address = { socketFolder: folder, port }
  let running: ChildProcess | null = null

  const start = async (): Promise<void> => {
    const log = openSync(join(folder, 'log'), 'a', 0o600)
    running = spawn('setpriv', [...asOwner(server)], { cwd: '/', stdio: ['ignore', log, log] })
    closeSync(log)
    await untilReady(address, running)
  }
  const end = async (how: (pid: number) => unknown): Promise<void> => {
    const process_ = running
    running = null
    if (process_ === null || process_.pid === undefined || process_.exitCode !== null || process_.signalCode !== null) return
    const ended = once(process_, 'exit')
    await how(process_.pid)
    await ended
  }
  const stop = () => end((pid) => process.kill(pid, 'SIGINT'))
  const remove = async (): Promise<void> => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
  await start()
  return { ...address, dataFolder, start, stop, kill: () => end(killTree), remove }
}

async function tlsSettings(folder: string, { certificateFile, keyFile }: CertificateFiles): Promise<readonly string[]> {
  const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')]
  await copyFile(certificateFile, certificate)
  await copyFile(keyFile, key)
  await chmod(key, 0o600)
  await runProgram('chown', [`${OWNER}:${OWNER}`, certificate, key])
  return ['ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`]
}

async function untilReady(address: ClusterAddress, server: ChildProcess): Promise<void> {
  for (const deadlineMs = Date.now() + START_WITHIN_MS; ; ) {
    const ready = await runSql(address, 'postgres', 'select 1').then(
      () => true,
      () => false,
    )
    if (ready) return
    if (server.exitCode !== null || Date.now() > deadlineMs) {
      throw new Error(`PostgreSQL did not start: ${await readFile(join(address.socketFolder, 'log'), 'utf8')}`)
    }
    await setTimeout(50)
  }
}
