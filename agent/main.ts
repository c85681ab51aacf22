/**
 * The composition root: load the config, build the adapters, run, choose the exit code.
 *
 *   CA config ─▶ candidates ─▶ scan ▶ join ▶ authenticate ─▶ swap ─▶ steady
 *
 * Read on in credential/credential.ts, lifecycle/state.ts, lifecycle/transition.ts and run.ts.
 */
import { parseArgs } from 'node:util'
import type { AgentConfig, LoadedConfig } from '../config/config.ts'
import { KeyRetirement } from '../config/key-retirement.ts'
import { loadConfig } from '../config/load.ts'
import { createCloudClient } from './cloud-client/cloud-client.ts'
import { createExecutors, deadlinesOf } from './execute.ts'
import { AgentError, FAILURES } from './failure.ts'
import { createClock } from './host/clock.ts'
import { createServiceManager } from './host/service-manager.ts'
import { createSystemClock } from './host/system-clock.ts'
import { describeState } from './lifecycle/describe.ts'
import { createLog, type Log } from './log.ts'
import { createLoginPages } from './portal/login-pages.ts'
import type { ServiceManager } from './ports.ts'
import { run } from './run.ts'
import { openKnownHotspots } from './store/known-hotspots.ts'
import { resetState } from './store/reset.ts'
import { openStore } from './store/store.ts'
import { createTokens } from './token/openssl-tokens.ts'
import { usableCredentials } from './token/usable-credentials.ts'
import { connectBus, systemBusAddress } from './wifi/dbus.ts'
import { OWN_NAMESPACE, openLinuxNetdevs } from './wifi/linux-netdevs.ts'
import { createWiredNetworks } from './wifi/wired-networks.ts'
import { createWpaSupplicant } from './wifi/wpa-supplicant.ts'

/** sysexits(3): the command line is wrong. */
const EX_USAGE = 64
/** sysexits(3): a person must correct the configuration; the unit does not restart after it. */
const EX_CONFIG = 78
/** sysexits(3): trying again may help; systemd restarts. */
const EX_TEMPFAIL = 75
/** sysexits(3): a bug; systemd restarts. */
const EX_SOFTWARE = 70

/** Set by the build; no clock that shows less is right. */
declare const BUILD_TIME_MS: number | undefined

const buildTimeMs = (): number => (typeof BUILD_TIME_MS === 'undefined' ? 0 : BUILD_TIME_MS)

async function reset({ state, identity }: AgentConfig, log: Log): Promise<number> {
  try {
    const { forgotten, kept } = await resetState({ ...state, identity, log })
    print([`forgotten: ${forgotten.join(', ') || 'nothing'}`, `kept: ${kept.join(', ') || 'nothing'}`])
    return 0
  } catch (error) {
    return exitCodeOf(error, log)
  }
}

type GoodConfig = Extract<LoadedConfig, { ok: true }>

async function serve({ config, files }: GoodConfig, log: Log, service: ServiceManager, signal: AbortSignal): Promise<void> {
  const { identity, timers } = config
  const clock = createClock()
  const [bus, store] = await Promise.all([
    connectBus(systemBusAddress(process.env), log, signal),
    openStore({ directory: config.state.directory, identity, log }),
  ])
  const tokens = createTokens()
  const cloud = createCloudClient({ cloud: config.cloud, identity, clock, timers, log, tokens, mutualTls: config.cloud.mutualTls })
  const netdevs = openLinuxNetdevs(OWN_NAMESPACE)
  const whileJoining = (): void => void cloud.prepare()
  const supplicant = createWpaSupplicant({ bus, netdevs, wifi: config.wifi, timers, log, whileJoining })
  const keys = new KeyRetirement({ files, name: identity, credentialsDirectory: process.env.CREDENTIALS_DIRECTORY ?? null, log })
  const busGone = new AbortController()
  bus.closed.then((reason) => busGone.abort(new AgentError('ERR_WIFI_BUS', `the connection to the system bus ended: ${reason.message}`)))
  try {
    const executors = createExecutors({
      identity,
      flashed: usableCredentials(config.credentials, tokens, warnOf(log, 'the credential is not used')),
      hotspots: config.hotspots,
      permanentCredential: config.permanentCredential,
      supplicant,
      wiredNetworks: createWiredNetworks({ netdevs, wifi: config.wifi, reachCloud: (ending) => cloud.reach(ending), log }),
      loginPages: createLoginPages({ cloudUrl: config.cloud.url, reachCloud: (ending) => cloud.reach(ending), log }),
      cloud,
      store,
      knownHotspots: openKnownHotspots(config.state.directory, log),
      clock,
      systemClock: createSystemClock(),
      limits: timers,
      timers,
      random: Math.random,
      whenFloorFails: warnOf(log, 'the time is kept for this run only'),
      whenProfilesFail: warnOf(log, 'of the hotspot profiles only those in the CA config are used'),
      whenPromoted: () => void keys.run(),
      buildTimeMs: buildTimeMs(),
    })
    const ending = AbortSignal.any([signal, busGone.signal])
    const last = await run({ executors, deadlines: deadlinesOf(timers), clock, log, service, signal: ending })
    if (busGone.signal.reason instanceof AgentError) throw busGone.signal.reason
    if (last.phase === 'halted') throw new AgentError(last.because.code, last.because.detail)
    log.info({ event: 'stopped' }, `asked to stop while ${describeState(last)}`)
  } finally {
    service.stopping()
    cloud.close()
    await supplicant.close()
    bus.close()
    await store.close()
  }
}

/** Tells of a failure that the agent can do without, and what it does without. */
const warnOf =
  (log: Log, without: string) =>
  (error: unknown): void => {
    if (!(error instanceof AgentError)) throw error
    const { remedy } = FAILURES[error.code]
    log.warn({ code: error.code, remedy }, `${error.code}: ${error.message}; ${without}; ${remedy}`)
  }

function exitCodeOf(error: unknown, log: Log): number {
  if (error instanceof AgentError) {
    const { disposition, remedy } = FAILURES[error.code]
    log.fatal({ code: error.code, remedy }, `${error.code}: ${error.message}; ${remedy}`)
    return disposition === 'halt' ? EX_CONFIG : EX_TEMPFAIL
  }
  log.fatal({ bug: error instanceof Error ? error.stack : String(error) }, 'a bug ended the agent; systemd starts it again')
  return EX_SOFTWARE
}

/** One line for each problem and warning; a person reads them, so they are no JSON. */
const print = (lines: readonly string[]): void => {
  for (const line of lines) process.stderr.write(`${line}\n`)
}

const printFailure = ({ code, message }: AgentError): void => print([`${code}: ${message}; ${FAILURES[code].remedy}`])

const USAGE = 'usage: zipkey-agent [--config FILE] [--check | --reset]'

type Arguments = { readonly config?: string | undefined; readonly check: boolean; readonly reset: boolean }

function readArguments(args: readonly string[]): Arguments | null {
  try {
    const flag = { type: 'boolean', default: false } as const
    const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' }, check: flag, reset: flag } })
    return values.check && values.reset ? null : values
  } catch {
    return null
  }
}

/** Null where the disk did not let it be read; the unit then tries again, unlike after a config that is wrong. */
function tryLoading(configFile: string | undefined): LoadedConfig | null {
  try {
    const time = { nowMs: Date.now(), buildTimeMs: buildTimeMs() }
    return loadConfig({ environment: process.env, time, ...(configFile === undefined ? {} : { configFile }) })
  } catch (error) {
    if (!(error instanceof AgentError)) throw error
    printFailure(error)
    return null
  }
}

async function main(args: readonly string[]): Promise<number> {
  const values = readArguments(args)
  if (values === null) {
    print([USAGE])
    return EX_USAGE
  }
  const loaded = tryLoading(values.config)
  if (loaded === null) return EX_TEMPFAIL
  print(loaded.warnings)
  if (!loaded.ok) {
    print(loaded.problems.map((problem) => `ERR_CONFIG_INVALID: ${problem}`))
    return EX_CONFIG
  }
  print(loaded.unusable.map((line) => `ERR_CERTIFICATE_EXPIRED: ${line}`))
  if (values.check) {
    const { refusal } = await usableCredentials(loaded.config.credentials, createTokens(), printFailure)(new AbortController().signal)
    if (loaded.unusable.length > 0 || refusal !== null) return EX_CONFIG
    print([`the CA config is good: device ${loaded.config.identity.account}/${loaded.config.identity.device}`])
    return 0
  }
  const log = createLog(loaded.config.log.level, { journal: process.env.JOURNAL_STREAM !== undefined })
  if (values.reset) return reset(loaded.config, log)
  const service = createServiceManager({ environment: process.env, pid: process.pid, log })
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  try {
    await serve(loaded, log, service, stop.signal)
    return 0
  } catch (error) {
    return stop.signal.aborted ? 0 : exitCodeOf(error, log)
  } finally {
    await service.flushed()
  }
}

main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode))
