/** The built agent in the air, with no hotspot but plain ones, one of them behind a login page. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openHalfBssid, plainBssids } from '../../scripts/radio-lab/hotspot.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'
import { portalHostName } from '../../scripts/radio-lab/pki.ts'
import type { LabImage } from '../../scripts/radio-lab/prepare-lab.ts'
import { type LogEvent, parseLogLine } from '../../scripts/story/agent-log.ts'
import { openRadioDevice } from '../../scripts/story/radio-stage.ts'
import { preparedLab } from './lab-fixture.ts'

const WITHIN_MS = 120_000
const channels = [36]

let image: LabImage
let lab: Lab
let lines: string[] = []
let events: LogEvent[] = []
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  image = await preparedLab()
  const folder = await mkdtemp(join(import.meta.dirname, '../../.lab/login-page-'))
  closers.push(() => rm(folder, { recursive: true }))
  const hotspots = [
    { ssid: 'ZipKey-Page', security: 'open', channels },
    { ssid: 'ZipKey-Free', security: 'open', channels },
  ]
  const moreFiles = async () => [{ path: 'ca.d/50-hotspots.json', content: JSON.stringify({ hotspots }), mode: 0o640 }]
  lab = (await openRadioDevice(folder, image, closers, { moreFiles })).lab
  await lab.hotspot.startAccessPoint('plain')
  await lab.hotspot.startLoginPage()
  lab.followJournal('zipkey-agent.service', (line) => {
    lines.push(line)
    const event = parseLogLine(line)
    if (event !== null) events.push(event)
  })
})
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
})

const seen = (what: (event: LogEvent) => boolean): Promise<void> =>
  expect.poll(() => events.some(what), { timeout: WITHIN_MS, interval: 200 }).toBe(true)

describe('a hotspot behind a login page', { timeout: 2 * WITHIN_MS }, () => {
  it('is left for the next one where the page cannot be passed; there the whole way is walked without 802.1X', async () => {
    events = []
    await lab.startAgent()
    await seen(({ event, to }) => event === 'promoted' && to === 'steady')
    const failed = events.find(({ event }) => event === 'failed')
    expect(failed?.fields).toMatchObject({ code: 'ERR_WIFI_LOGIN_PAGE', detail: expect.stringContaining('no login for it') })
    // However the air behaves, none but the free hotspot ever counts as joined.
    const joined = events.filter(({ event }) => event === 'joined').map(({ fields }) => fields.bssid)
    expect(new Set(joined)).toEqual(new Set([openHalfBssid]))
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['issued', 'promoted']))
  })

  it('is passed by WISPr with the login of the profile, which the password never leaves', async () => {
    events = []
    lines = []
    const ca = await readFile(image.pki.portalCaFile, 'utf8')
    const login = { username: 'guest', password: image.passphrase, serverName: portalHostName, ca }
    const config = JSON.stringify({ hotspots: [{ ssid: 'ZipKey-Page', security: 'open', channels, login }] })
    await lab.sh(`cat > /etc/zipkey/ca.d/50-hotspots.json <<'END'\n${config}\nEND\nsystemctl restart zipkey-agent`)
    await seen(({ event, fields }) => event === 'joined' && fields.bssid === plainBssids['ZipKey-Page'])
    await seen(({ event, to }) => event === 'authenticated' && to === 'steady')
    expect(lines.join('\n')).toContain(`passed the login page at ${portalHostName}`)
    expect(await lab.sh('iw dev wlan0 link')).toContain(plainBssids['ZipKey-Page'])
    expect(await lab.sh('journalctl -u zipkey-agent -o cat')).not.toContain(image.passphrase)
  })
})
