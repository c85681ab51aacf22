/** The built agent in the air among hotspots whose SSIDs it was never told: they say whom they take (Passpoint). */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject } from '../../agent/contract/parsed.ts'
import { passpointBssids } from '../../scripts/radio-lab/hotspot.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'
import { fieldText, type LogEvent, parseLogLine } from '../../scripts/story/agent-log.ts'
import { openRadioDevice } from '../../scripts/story/radio-stage.ts'
import { preparedLab } from './lab-fixture.ts'

const WITHIN_MS = 120_000
/** A busy machine asks slowly. */
const TIMERS = { scanMs: 40_000, backoffBaseMs: 200, backoffCapMs: 2_000 }
const { liar, home, visited } = passpointBssids
/** With no realm: the device's own is meant. */
const hotspot = { security: 'passpoint', roamingConsortiums: ['aabbcc', '5a03ba0000'], homeDomain: 'acme-networks.test' }

let lab: Lab
const events: LogEvent[] = []
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const image = await preparedLab()
  const folder = await mkdtemp(join(import.meta.dirname, '../../.lab/passpoint-'))
  closers.push(() => rm(folder, { recursive: true }))
  const moreFiles = async () => [{ path: 'ca.d/50-timers.json', content: JSON.stringify({ timers: TIMERS }), mode: 0o640 }]
  lab = (await openRadioDevice(folder, image, closers, { hotspot, moreFiles })).lab
  await lab.hotspot.startAccessPoint('passpoint')
  lab.followJournal('zipkey-agent.service', (line) => {
    const event = parseLogLine(line)
    if (event !== null) events.push(event)
  })
})
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
})

const seen = (what: (event: LogEvent) => boolean): Promise<void> =>
  expect.poll(() => events.some(what), { timeout: WITHIN_MS, interval: 200 }).toBe(true)
const joinedBy = (bssid: string) => (event: LogEvent) => event.event === 'joined' && event.fields.bssid === bssid

/** What a scan found, in the order in which it is tried. */
function foundIn({ fields: { bsss } }: LogEvent): readonly { readonly bssid: string; readonly why: string }[] {
  return Array.isArray(bsss) ? bsss.filter(isObject).map((bss) => ({ bssid: fieldText(bss, 'bssid'), why: fieldText(bss, 'why') })) : []
}

describe('a Passpoint hotspot of an SSID that the device never heard', { timeout: 2 * WITHIN_MS }, () => {
  it('is found by its realm, joined by the rules of the profile, and the whole way is walked there', async () => {
    await lab.startAgent()
    await seen(({ event, to }) => event === 'promoted' && to === 'steady')
    // In one scan or the other: on a busy machine an answer is missed now and then.
    const scans = events.filter(({ event }) => event === 'scanned').map(foundIn)
    expect(scans.map((found) => found.map(({ bssid }) => bssid))).toContainEqual([liar, home, visited])
    for (const { bssid, why } of scans.flat()) expect(why.includes('of another operator')).toBe(bssid === visited)
    // Whoever says that it is the operator's is asked for the certificate all the same.
    expect(events.filter(({ event }) => event === 'failed').map(({ fields }) => fields.code)).toContain('ERR_WIFI_SERVER_CA')
    expect(events.filter(({ event }) => event === 'joined').map(({ fields }) => [fields.hotspot, fields.bssid])).toContainEqual([
      'Harbour-5',
      home,
    ])
    expect(events.some(joinedBy(liar))).toBe(false)
    expect(await lab.sh('iw dev wlan0 link')).toContain(home)
  })

  it('of another operator takes the device as a member of a roaming consortium when the one at home is gone', async () => {
    await lab.sh('ip -n ap link set home0 down')
    await seen(joinedBy(visited))
    expect(await lab.sh('iw dev wlan0 link')).toContain(visited)
    expect(events.some(joinedBy(liar))).toBe(false)
  })

  it('leaves nothing in wpa_supplicant of what it was found by', async () => {
    expect(await lab.sh(`busctl tree --list fi.w1.wpa_supplicant1 | grep -c Credentials/ || true`)).toBe('0')
  })
})
