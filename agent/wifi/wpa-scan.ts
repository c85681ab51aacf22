/** Scanning: the profiles' channels first, everything when nothing is found there. */
import { setMaxListeners } from 'node:events'
import type { NamedHotspot, PasspointHotspot, RadioHotspot } from '../credential/hotspot.ts'
import { AgentError } from '../failure.ts'
import { bssidText, parseOwePartner, parseSecurity } from './beacon.ts'
import { variant } from './dbus.ts'
import { matches, type PasspointMatch, type PlacedHotspot, type ScannedBss } from './match.ts'
import { until } from './until.ts'
import { WPA_NAME, type WpaInterface } from './wpa-interface.ts'
import { askForPasspoint, NO_PASSPOINT, type PasspointAnswers, type PasspointLimits } from './wpa-passpoint.ts'

/** Drivers take at least four names in one scan (cfg80211 max_scan_ssids). */
const MAX_PROBED_SSIDS = 4
/** The `Age` of a BSS is in whole seconds, rounded down. */
const AGE_ROUNDING_MS = 1000
const BUSY_RETRY_MS = 300

/** What is scanned for. Without `everywhere` other channels than the profiles' are looked at only where nothing is found on those. */
export type ScanTask = {
  readonly hotspots: readonly PlacedHotspot[]
  readonly everywhere: boolean
  readonly passpoint: PasspointLimits
}

/** Scans, and gives the BSSs that were heard, among them those that the profiles match. */
export async function scanForHotspots(wpa: WpaInterface, task: ScanTask, signal: AbortSignal): Promise<readonly ScannedBss[]> {
  const { hotspots } = task
  if (hotspots.length === 0) return []
  const profiles = hotspots.map(({ hotspot }) => hotspot)
  const named = profiles.filter((profile) => profile.security !== 'passpoint')
  const frequencies = [...new Set(named.flatMap(({ frequenciesMhz }) => frequenciesMhz))]
  if (frequencies.length > 0 && !task.everywhere) {
    const found = await scanOnce(wpa, named, frequencies, NO_PASSPOINT, signal)
    if (matches(found, hotspots).length > 0) return found
  }
  // Asking takes a scan of its own, of every channel, which then is the one that is needed here.
  const answers = await askForPasspoint(wpa, profiles.filter(isPasspoint), task.passpoint, signal)
  return scanOnce(wpa, named, [], answers, signal)
}

const isPasspoint = (profile: RadioHotspot): profile is PasspointHotspot => profile.security === 'passpoint'

async function scanOnce(
  wpa: WpaInterface,
  hotspots: readonly NamedHotspot[],
  frequenciesMhz: readonly number[],
  answers: PasspointAnswers,
  signal: AbortSignal,
): Promise<readonly ScannedBss[]> {
  const startedMs = answers.scannedSinceMs ?? performance.now()
  const read = (): Promise<readonly ScannedBss[]> => readBsss(wpa, performance.now() - startedMs + AGE_ROUNDING_MS, answers, signal)
  const hidden = hotspots.filter((hotspot) => hotspot.hidden).map(({ ssid }) => ssid)
  const wanted = answers.scannedSinceMs === null ? [ANY_SSID, ...hidden] : hidden
  for (const ssids of chunks(wanted, MAX_PROBED_SSIDS)) await runScan(wpa, scanParameters(ssids, frequenciesMhz), signal)
  const scanned = await read()
  const unnamed = unnamedPartners(scanned, hotspots)
  if (unnamed.ssids.length === 0) return scanned
  await runScan(wpa, scanParameters(unnamed.ssids.slice(0, MAX_PROBED_SSIDS), unnamed.frequenciesMhz), signal)
  return read()
}

/** Asks for every BSS that does not hide. */
const ANY_SSID = new Uint8Array()

const chunks = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  items.length === 0 ? [] : items.length <= size ? [items] : [items.slice(0, size), ...chunks(items.slice(size), size)]

/** The names by which the OWE BSSs behind open ones have to be asked, since they hide, and where. */
function unnamedPartners(
  scanned: readonly ScannedBss[],
  hotspots: readonly NamedHotspot[],
): { readonly ssids: readonly Uint8Array[]; readonly frequenciesMhz: readonly number[] } {
  const isWanted = ({ ssid, security }: ScannedBss): boolean =>
    security?.keyManagement.includes('NONE') === true &&
    hotspots.some((hotspot) => hotspot.security === 'owe' && Buffer.compare(hotspot.ssid, ssid) === 0)
  const unnamed = scanned.flatMap(({ frequencyMhz, owePartner, ...bss }) => {
    if (owePartner === null || !isWanted({ frequencyMhz, owePartner, ...bss })) return []
    const seen = scanned.filter(({ bssid }) => bssid === owePartner.bssid)
    if (seen.some(({ ssid }) => Buffer.compare(ssid, owePartner.ssid) === 0)) return []
    return [{ ssid: owePartner.ssid, frequenciesMhz: [frequencyMhz, ...seen.map((each) => each.frequencyMhz)] }]
  })
  return { ssids: unnamed.map(({ ssid }) => ssid), frequenciesMhz: [...new Set(unnamed.flatMap(({ frequenciesMhz }) => frequenciesMhz))] }
}

function scanParameters(ssids: readonly Uint8Array[], frequenciesMhz: readonly number[]): Readonly<Record<string, unknown>> {
  const channels = frequenciesMhz.map((frequency) => [frequency, 20])
  return {
    Type: variant('s', 'active'),
    SSIDs: variant(
      'aay',
      ssids.map((ssid) => Buffer.from(ssid)),
    ),
    AllowRoam: variant('b', false),
    ...(channels.length === 0 ? {} : { Channels: variant('a(uu)', channels) }),
  }
}

/** Waits for the end of a scan of its own; where the radio is busy, it asks again. */
async function runScan(wpa: WpaInterface, parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
  while (!(await scanOnceStarted(wpa, parameters, signal))) await pause(BUSY_RETRY_MS, signal)
}

/** Tells whether the scan went through; a busy radio refuses at once, or says so at the scan's end. */
function scanOnceStarted(wpa: WpaInterface, parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<boolean> {
  return until(signal, (settle, fail) => {
    const stop = wpa.listen(
      (member, body) => {
        if (member === 'ScanDone') settle(body[0] === true)
      },
      ({ code, detail }) => fail(new AgentError(code, detail)),
    )
    wpa.call('Scan', 'a{sv}', [parameters], signal).catch((error: unknown) => (isScanRefused(error) ? settle(false) : fail(error)))
    return stop
  })
}

const isScanRefused = (error: unknown): boolean => error instanceof AgentError && error.message.includes('ScanError')

const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  until(signal, (settle) => {
    const timer = setTimeout(() => settle(undefined), delayMs)
    return () => clearTimeout(timer)
  })

async function readBsss(
  wpa: WpaInterface,
  maxAgeMs: number,
  { byBss }: PasspointAnswers,
  signal: AbortSignal,
): Promise<readonly ScannedBss[]> {
  const paths = await wpa.property('BSSs', signal)
  if (!Array.isArray(paths)) return []
  // Every call listens to the signal until its answer comes: Node takes a crowded place for a leak, and says so, unless it is told.
  const asking = AbortSignal.any([signal])
  setMaxListeners(0, asking)
  const ask = (path: unknown): Promise<unknown> => wpa.propertiesOf({ path: String(path), interface: `${WPA_NAME}.BSS` }, asking)
  const properties = await Promise.all(paths.map(ask))
  const read = properties.map((found, index) => parseBss(found, maxAgeMs, byBss.get(String(paths[index])) ?? []))
  return read.filter((bss) => bss !== null)
}

/** Reads the properties of a BSS object; null for one not heard within `maxAgeMs`, or out of form. */
export function parseBss(properties: unknown, maxAgeMs: number, passpoint: readonly PasspointMatch[]): ScannedBss | null {
  if (typeof properties !== 'object' || properties === null) return null
  const { SSID, BSSID, Frequency, Signal, Age, IEs, Privacy } = properties as Readonly<Record<string, unknown>>
  if (!Buffer.isBuffer(SSID) || !Buffer.isBuffer(BSSID) || BSSID.length !== 6 || !Buffer.isBuffer(IEs)) return null
  if (typeof Frequency !== 'number' || typeof Signal !== 'number' || typeof Age !== 'number' || typeof Privacy !== 'boolean') return null
  if (Age * 1000 > maxAgeMs) return null
  return {
    ssid: SSID.every((byte) => byte === 0) ? ANY_SSID : SSID,
    bssid: bssidText(BSSID),
    frequencyMhz: Frequency,
    signalDbm: Signal,
    security: parseSecurity(IEs, Privacy),
    owePartner: parseOwePartner(IEs),
    passpoint,
  }
}
