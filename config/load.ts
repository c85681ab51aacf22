/** Loads the CA config: reads every source, checks everything, and tells every problem at once. */
import {
  type DeviceCertificate,
  type FlashedCredential,
  type Identity,
  isCertificate,
  type PermanentKind,
  type TokenCertificate,
} from '../agent/credential/credential.ts'
import type { HotspotProfile } from '../agent/credential/hotspot.ts'
import { type ConfigTime, judgeDates } from './certificate-dates.ts'
import { type AgentConfig, DEFAULT_CONFIG_FILE, type LoadedConfig } from './config.ts'
import { credentialOf } from './credentials.ts'
import { readDeviceId } from './device-id.ts'
import { CONFIG_VARIABLE, type Environment, readEnvironment } from './environment.ts'
import { hotspotOf, whyNoHotspot } from './hotspots.ts'
import type { Reading } from './reader.ts'
import type { Settings } from './schema.ts'
import { readSettings } from './settings.ts'
import { type Layers, layered, readFiles, type Source } from './sources.ts'

/**
 * `environment` is process.env; `configFile` wins over ZIPKEY_CONFIG; `systemRoot` is where the device's own files start; `time` is
 * the clock's alone where missing.
 */
export type LoadOptions = {
  readonly environment: Environment
  readonly configFile?: string
  readonly systemRoot?: string
  readonly time?: ConfigTime
}

const READABLE_BY_ALL = 0o004

/** Loads the CA config; throws ERR_CONFIG_UNREADABLE where a file cannot be read now and may be later. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const mainFile = options.configFile ?? options.environment[CONFIG_VARIABLE] ?? DEFAULT_CONFIG_FILE
  const files = readFiles(mainFile)
  const environment = readEnvironment(options.environment)
  const broken = files.flatMap((file) => (file.ok ? [] : [file.line]))
  const before = { problems: [...broken, ...environment.problems], warnings: environment.warnings }
  const [main] = files
  if (main === undefined || !main.ok) return { ok: false, ...before }
  const fileLayers = files.flatMap((file) => (file.ok ? [file.layer] : []))
  const report = new Report(layered(main.layer.source, [...fileLayers, ...environment.layers]), options.environment, before)
  const settings = readSettings(report.layers.tree, report)
  const config = settings === undefined ? undefined : configOf(settings, report, options)
  if (config === undefined || report.problems.length > 0) return { ok: false, problems: report.problems, warnings: report.warnings }
  return { ok: true, config, files: fileLayers.map(({ source }) => source.name), warnings: report.warnings, unusable: report.unusable }
}

/** Collects what the readers have to say, each line under the source of its key. */
class Report implements Reading {
  readonly layers: Layers
  readonly problems: string[]
  readonly warnings: string[]
  readonly unusable: string[] = []
  readonly credentialsDirectory: string | null
  readonly #warnedOf = new Set<Source>()

  constructor(
    layers: Layers,
    environment: Environment,
    before: { readonly problems: readonly string[]; readonly warnings: readonly string[] },
  ) {
    this.layers = layers
    this.problems = [...before.problems]
    this.warnings = [...before.warnings]
    this.credentialsDirectory = environment.CREDENTIALS_DIRECTORY ?? null
  }

  problem(path: string, message: string): void {
    this.problems.push(`${this.layers.sourceOf(path).name}: ${path}: ${message}`)
  }

  warning(path: string, message: string): void {
    this.warnings.push(`${this.layers.sourceOf(path).name}: ${path}: ${message}`)
  }

  /** A credential that cannot be used, which does not keep the others from being used. */
  refuseCredential(path: string, message: string): void {
    this.unusable.push(`${this.layers.sourceOf(path).name}: ${path}: ${message}`)
  }

  directoryOf(path: string): string {
    return this.layers.sourceOf(path).directory
  }

  holdsSecret(path: string): void {
    const source = this.layers.sourceOf(path)
    if (source.mode === null || (source.mode & READABLE_BY_ALL) === 0 || this.#warnedOf.has(source)) return
    this.#warnedOf.add(source)
    this.warnings.push(`${source.name}: ${path}: holds a secret and everyone can read it: chmod o-rwx ${source.name}`)
  }
}

function configOf(settings: Settings, report: Report, { systemRoot, time }: LoadOptions): AgentConfig | undefined {
  const identity = identityOf(settings, report, systemRoot ?? '/')
  if (identity === undefined) return undefined
  const { cloud, wifi, permanentCredential } = settings
  const hotspots = settings.hotspots.map((entry) => hotspotOf(entry, settings.realm))
  const credentials = credentialsOf(settings, identity, report, time ?? { nowMs: Date.now(), buildTimeMs: 0 })
  reportMissingMethods(hotspots, credentials, permanentCredential, report)
  return {
    identity,
    credentials,
    permanentCredential,
    cloud: {
      ...{ url: cloud.url, issuer: cloud.issuer ?? cloud.url, caPem: cloud.ca, signingKeys: cloud.signingKeys },
      mutualTls: cloud.mutualTls,
    },
    hotspots,
    wifi: { interface: wifi.interface, country: wifi.country, address: wifi.address, skipWhenWired: wifi.skipWhenWired },
    state: settings.state,
    timers: settings.timers,
    log: settings.log,
  }
}

/** Every credential that a device of this config has or will have must find a hotspot that takes it. */
function reportMissingMethods(
  hotspots: readonly HotspotProfile[],
  flashed: readonly FlashedCredential[],
  permanentCredential: PermanentKind,
  report: Report,
): void {
  const kinds = new Set(flashed.map((credential) => (isCertificate(credential) ? 'certificate' : 'secret')))
  for (const kind of kinds) reportMissing(hotspots, kind, 'credentials', report)
  if (!kinds.has(permanentCredential)) reportMissing(hotspots, permanentCredential, 'permanentCredential', report)
}

function reportMissing(hotspots: readonly HotspotProfile[], kind: PermanentKind, path: string, report: Report): void {
  const problem = whyNoHotspot(hotspots, kind)
  if (problem !== null) report.problem(path, problem)
}

/** Without certificates that expired for sure, unless nothing would be left: the device may hold better ones by now. */
function credentialsOf({ credentials }: Settings, identity: Identity, report: Report, time: ConfigTime): readonly FlashedCredential[] {
  const all = credentials.map((entry) => credentialOf(entry, identity))
  const usable = all.filter((credential, index) => !isCertificate(credential) || isInDate(credential, index, report, time))
  return usable.length > 0 ? usable : all
}

function isInDate(credential: DeviceCertificate | TokenCertificate, index: number, report: Report, time: ConfigTime): boolean {
  const dates = judgeDates(credential, time)
  switch (dates.verdict) {
    case 'good':
      return true
    case 'doubtful':
      report.warning(`credentials[${index}]`, dates.problem)
      return true
    case 'expired':
      report.refuseCredential(`credentials[${index}]`, dates.problem)
      return false
  }
}

function identityOf({ account, realm, device }: Settings, report: Report, systemRoot: string): Identity | undefined {
  if (device.id !== null && device.idFrom !== null)
    return void report.problem('device', 'give id or idFrom, not both: set one of them to null')
  if (device.id !== null) return { account, realm, device: device.id }
  if (device.idFrom === null) return void report.problem('device', 'missing: give device.id, or device.idFrom to read it from the device')
  const found = readDeviceId(device.idFrom, report.directoryOf('device.idFrom'), systemRoot)
  if (!found.ok) return void report.problem('device.idFrom', found.problem)
  if (found.value.doubt !== null) report.warning('device.idFrom', found.value.doubt)
  return { account, realm, device: found.value.id }
}
