/** The built agent in the air among several hotspots: two BSSs of the one that is flashed, and one in another band that the cloud adds. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessPoints, plainBssids } from '../../scripts/radio-lab/hotspot.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'
import { type LogEvent, parseLogLine } from '../../scripts/story/agent-log.ts'
import type { LabCloud } from '../../scripts/story/lab-cloud.ts'
import { DEVICE } from '../../scripts/story/names.ts'
import { openRadioDevice } from '../../scripts/story/radio-stage.ts'
import { preparedLab } from './lab-fixture.ts'

const WITHIN_MS = 120_000
const TIMERS = { backoffBaseMs: 200, backoffCapMs: 2_000 }

let folder: string
let passphrase: string
let lab: Lab
let cloud: LabCloud
let events: LogEvent[] = []
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const image = await preparedLab()
  passphrase = image.passphrase
  folder = await mkdtemp(join(import.meta.dirname, '../../.lab/several-'))
  closers.push(() => rm(folder, { recursive: true }))
  const moreFiles = async () => [{ path: 'ca.d/50-timers.json', content: JSON.stringify({ timers: TIMERS }), mode: 0o640 }]
  ;({ lab, cloud } = await openRadioDevice(folder, image, closers, { moreFiles }))
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
const isSteady = ({ event, to }: LogEvent): boolean => (event === 'authenticated' || event === 'promoted') && to === 'steady'

/** Has the operator give devices the hotspot of the other band, with this passphrase. */
async function addHotspot(withPassphrase: string): Promise<void> {
  const file = join(folder, 'profiles.json')
  const profile = { ssid: 'ZipKey-PSK', security: 'psk', channels: [36], passphrase: withPassphrase }
  await writeFile(file, JSON.stringify([profile]), { mode: 0o600 })
  await cloud.operate('hotspot-profiles', 'set', DEVICE.account, '--file', file)
}

async function restartAgent(): Promise<void> {
  await lab.sh('systemctl stop zipkey-agent')
  events = []
  await lab.sh('systemctl start zipkey-agent')
}

describe('a device among several hotspots', { timeout: 2 * WITHIN_MS }, () => {
  it('joins the stronger BSS of a hotspot first, and the other one when that is gone', async () => {
    await addHotspot(passphrase)
    await lab.hotspot.startAccessPoint('second')
    await lab.hotspot.setSignal('good', -70)
    await lab.hotspot.setSignal('second', -50)
    await lab.startAgent()
    await seen(isSteady)
    expect(events.find(({ event }) => event === 'joined')?.fields.bssid).toBe(accessPoints.second.bssid)
    await seen(({ event }) => event === 'profiles-renewed')
    await lab.hotspot.stopAccessPoint('second')
    await seen(joinedBy(accessPoints.good.bssid))
  })

  it('goes to another band, by a profile of the cloud, when nothing is left in the first', async () => {
    await lab.hotspot.startAccessPoint('plain')
    events = []
    await lab.hotspot.killAccessPoint('good')
    await seen(joinedBy(plainBssids['ZipKey-PSK']))
    await seen(isSteady)
    expect(events.find(({ event }) => event === 'joined')?.fields.frequencyMhz).toBe(accessPoints.plain.frequencyMhz)
  })

  it('comes back by the profile that works where the cloud has replaced it by one that does not', async () => {
    await addHotspot('not the passphrase')
    await restartAgent()
    await seen(({ event }) => event === 'profiles-renewed')
    await restartAgent()
    await seen(joinedBy(plainBssids['ZipKey-PSK']))
    await seen(isSteady)
    expect(events.filter(({ event }) => event === 'failed').map(({ fields }) => fields.code)).toContain('ERR_WIFI_PASSPHRASE')
  })
})
