/** What only the real supplicant can show: secrets on the bus and on the wire, addresses, and what a crash leaves behind. */
import { createHash, createPrivateKey } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EapProfile, TlsProfile, TtlsProfile } from '../../../agent/credential/eap-profile.ts'
import type { Link, Supplicant } from '../../../agent/ports.ts'
import { findPeer } from '../../../agent/wifi/bus-peer.ts'
import { type Bus, variant } from '../../../agent/wifi/dbus.ts'
import { startDaemon } from '../../../scripts/wired-lab/daemon.ts'
import { CAPTIVE_API } from '../../../scripts/wired-lab/hotspot-network.ts'
import { type ObservedBus, observeBus } from './observed-bus.ts'
import { IDENTITY, openWiredWorld, PASSWORD, type WiredWorld } from './wired-world.ts'

const never = (): AbortSignal => new AbortController().signal
let world: WiredWorld
const open: Supplicant[] = []

beforeAll(async () => {
  world = await openWiredWorld()
})
afterAll(() => world.close())
beforeEach(() => world.reset())
afterEach(async () => {
  for (const supplicant of open.splice(0)) await supplicant.close()
})

function start(bus: Bus, changes: Parameters<WiredWorld['startWith']>[1] = {}): Supplicant {
  const supplicant = world.startWith(bus, changes)
  open.push(supplicant)
  return supplicant
}

async function joinBy(supplicant: Supplicant, eap: EapProfile): Promise<Link> {
  const [bss] = await supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, never())
  if (bss === undefined) throw new Error('the scan found nothing')
  return supplicant.join(bss, eap, never())
}

const joinWith = (supplicant: Supplicant, changes: Partial<TtlsProfile> = {}): Promise<Link> =>
  joinBy(supplicant, { ...world.accepted, ...changes })

const onDevice = (...command: string[]): Promise<string> => world.lab.onDevice('ip', ...command)
const PORT = 'port0'

describe('a join', () => {
  it('leaves its time of waiting to others, once the hotspot has been asked', async () => {
    const bus = await world.connect()
    const asked: string[] = []
    const call = bus.call.bind(bus)
    bus.call = (each, ...more) => {
      asked.push(each.member)
      return call(each, ...more)
    }
    const askedBefore: string[] = []
    await joinWith(start(bus, { whileJoining: () => void askedBefore.push(...asked) }))
    expect(askedBefore.at(-1)).toBe('SelectNetwork')
  })
})

/** A line of the key in PEM, and its private value. */
function keyForms(pem: string): { readonly line: string; readonly scalar: Buffer } {
  const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' })
  return { line: pem.split('\n')[1] ?? '', scalar: Buffer.from(d, 'base64url') }
}

const passphraseOf = (eap: TlsProfile): string =>
  createHash('sha256').update(`zipkey/wpa-key\0${eap.privateKeyPem.reveal()}`).digest('base64url')

/** What wpa_supplicant holds for the port. */
async function blobsIn(bus: Bus): Promise<object> {
  const peer = await findPeer(bus, 'fi.w1.wpa_supplicant1', never())
  const root = { path: '/fi/w1/wpa_supplicant1', interface: 'fi.w1.wpa_supplicant1' }
  const [path] = await peer.call(root, 'GetInterface', 's', [PORT], never())
  const get = { path: String(path), interface: 'org.freedesktop.DBus.Properties' }
  const [blobs] = await peer.call(get, 'Get', 'ss', ['fi.w1.wpa_supplicant1.Interface', 'Blobs'], never())
  return blobs as object
}

describe('secrets', () => {
  it('shows neither the password nor the identity on the wire outside the tunnel', async () => {
    const capture = join(world.folder, 'wire.pcap')
    const tcpdump = await startDaemon({
      command: ['tcpdump', '-i', PORT, '--immediate-mode', '-U', '-w', capture, 'ether proto 0x888e'],
      namespace: world.lab.wire.hotspotNamespace,
      logFile: join(world.folder, 'tcpdump.log'),
      readyText: 'listening on',
    })
    await joinWith(start(await world.connect()), { inner: 'PAP' })
    await sleep(200)
    await tcpdump.stop()
    const seen = (await readFile(capture)).toString('latin1')
    expect(seen).toContain(world.accepted.outerIdentity)
    expect(seen).not.toContain(IDENTITY)
    expect(seen).not.toContain(PASSWORD)
  })

  it('shows the password to no other client of the bus', async () => {
    const observer: ObservedBus = await observeBus(world.lab)
    await joinWith(start(await world.connect()))
    const seen = `${await observer.stop()}\n${await observer.networkProperties()}`
    expect(seen).toContain(IDENTITY)
    for (const form of [PASSWORD, Buffer.from(PASSWORD).toString('hex')]) expect(seen).not.toContain(form)
  })

  it('shows the private key of a certificate to no other client of the bus, nor on the wire', async () => {
    const capture = join(world.folder, 'tls.pcap')
    const tcpdump = await startDaemon({
      command: ['tcpdump', '-i', PORT, '--immediate-mode', '-U', '-w', capture, 'ether proto 0x888e'],
      namespace: world.lab.wire.hotspotNamespace,
      logFile: join(world.folder, 'tcpdump.log'),
      readyText: 'listening on',
    })
    const observer: ObservedBus = await observeBus(world.lab)
    await joinBy(start(await world.connect()), world.certified)
    const seen = `${await observer.stop()}\n${await observer.networkProperties()}`
    await sleep(200)
    await tcpdump.stop()
    expect(seen).toContain(`blob://zipkey-key-${world.certified.fingerprint}`)
    const { line, scalar } = keyForms(world.certified.privateKeyPem.reveal())
    expect(seen).not.toContain(passphraseOf(world.certified))
    for (const form of [line, scalar.toString('hex'), scalar.toString('base64'), scalar.toString('latin1')])
      expect(seen).not.toContain(form)
    const packets = await readFile(capture)
    expect(packets.includes(world.certified.outerIdentity)).toBe(true)
    for (const form of [line, scalar]) expect(packets.includes(form)).toBe(false)
  })

  it('shows the private key not even to whoever may read the blobs of wpa_supplicant, root included', async () => {
    const bus = await world.connect()
    await joinBy(start(bus), world.certified)
    const blobs = Object.values(await blobsIn(bus)) as readonly Buffer[]
    const { line, scalar } = keyForms(world.certified.privateKeyPem.reveal())
    expect(blobs.some((blob) => blob.includes('BEGIN ENCRYPTED PRIVATE KEY'))).toBe(true)
    for (const blob of blobs) {
      const decoded = Buffer.from(blob.toString('latin1').replace(/-----[^-]+-----/g, ''), 'base64')
      for (const form of [line, scalar]) expect([blob.includes(form), decoded.includes(form)]).toEqual([false, false])
    }
  })

  it('holds chain and key in wpa_supplicant for as long as the link, and takes them back', async () => {
    const bus = await world.connect()
    const supplicant = start(bus)
    const names = async (): Promise<readonly string[]> => Object.keys(await blobsIn(bus)).filter((name) => name !== 'zipkey-agent')
    await joinBy(supplicant, world.certified)
    const { fingerprint } = world.certified
    const ca = expect.stringMatching(/^zipkey-ca-/)
    expect((await names()).toSorted()).toEqual([ca, `zipkey-cert-${fingerprint}`, `zipkey-key-${fingerprint}`])
    await joinWith(supplicant)
    expect(await names()).toEqual([ca])
    await expect(joinBy(supplicant, world.unknown)).rejects.toMatchObject({ code: 'ERR_WIFI_EAP_REJECTED' })
    expect(await names()).toEqual([])
  })

  it('has wpa_supplicant write nothing', async () => {
    const supplicant = start(await world.connect())
    await joinBy(supplicant, world.certified)
    await joinWith(supplicant)
    const files = await readdir(world.folder, { recursive: true })
    const { line } = keyForms(world.certified.privateKeyPem.reveal())
    const withPassword: string[] = []
    const withKey: string[] = []
    for (const file of files) {
      const text = await readFile(join(world.folder, file), 'latin1').catch(() => '')
      if (text.includes(PASSWORD)) withPassword.push(file)
      if (text.includes(line)) withKey.push(file)
    }
    expect(withKey).toEqual(['pki/client.key'])
    // The two of the hotspot, which knows the password, and nothing of the device's.
    expect(withPassword.filter((file) => !/eap-users|hostapd/.test(file))).toEqual([])
    expect(withPassword).toContain('lab/eap-users')
  })
})

describe('the address', () => {
  it('is whatever the system assigns after the join', async () => {
    const joining = joinWith(start(await world.connect(), { address: 'system', addressMs: 5000 }))
    await sleep(600)
    await onDevice('address', 'add', '10.77.0.200/24', 'dev', PORT)
    expect((await joining).address).toBe('10.77.0.200')
  })

  it('from before the join is believed only when it stays', async () => {
    await onDevice('address', 'add', '10.99.0.1/24', 'dev', PORT)
    const startedMs = performance.now()
    const link = await joinWith(start(await world.connect(), { address: 'system', addressMs: 5000 }))
    expect(link.address).toBe('10.99.0.1')
    expect(performance.now() - startedMs).toBeGreaterThan(1000)
  })

  it('from before the join yields to one that the system assigns', async () => {
    await onDevice('address', 'add', '10.99.0.1/24', 'dev', PORT)
    const joining = joinWith(start(await world.connect(), { address: 'system', addressMs: 5000 }))
    await sleep(500)
    await onDevice('address', 'delete', '10.99.0.1/24', 'dev', PORT)
    await sleep(300)
    await onDevice('address', 'add', '10.77.0.201/24', 'dev', PORT)
    expect((await joining).address).toBe('10.77.0.201')
  })

  it('may be IPv6 alone, after duplicate address detection', async () => {
    await world.lab.startDhcp('ipv6-only')
    const link = await joinWith(start(await world.connect(), { address: 'system', addressMs: 10_000 }))
    expect(link.address).toMatch(/^fd77:/)
    const shown = await onDevice('-6', 'address', 'show', 'dev', PORT, 'tentative')
    expect(shown).not.toContain(link.address)
  })

  it('that goes away ends the link', async () => {
    const supplicant = start(await world.connect())
    const losing = supplicant.linkLost(await joinWith(supplicant), never())
    await onDevice('address', 'flush', 'dev', PORT, 'scope', 'global')
    expect(await losing).toMatchObject({ code: 'ERR_WIFI_LINK_LOST', detail: expect.stringContaining('address') })
  })

  it('of udhcpc comes with what DHCP says of a captive-portal API', async () => {
    const supplicant = start(await world.connect())
    expect((await joinWith(supplicant)).captiveApi).toBe(CAPTIVE_API)
  })

  it('of udhcpc is given back when the hotspot is left', async () => {
    const supplicant = start(await world.connect())
    const { address } = await joinWith(supplicant)
    expect(await onDevice('address', 'show', 'dev', PORT)).toContain(address)
    await supplicant.close()
    expect(await onDevice('address', 'show', 'dev', PORT)).not.toContain(address)
  })
})

describe('what goes wrong around it', () => {
  it('notices that the cable was pulled, and finds no hotspot until it is back', async () => {
    const supplicant = start(await world.connect())
    const losing = supplicant.linkLost(await joinWith(supplicant), never())
    await world.lab.atHotspot('ip', 'link', 'set', PORT, 'down')
    expect(await losing).toMatchObject({ code: 'ERR_WIFI_LINK_LOST', detail: expect.stringContaining('carrier') })
    expect(await supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, never())).toEqual([])
    await world.lab.atHotspot('ip', 'link', 'set', PORT, 'up')
    await world.lab.startHostapd()
    await sleep(100)
    await joinWith(supplicant)
  })

  it('ends every call and says so when the bus dies', async () => {
    const bus = await world.connect()
    const supplicant = start(bus)
    await joinWith(supplicant)
    const closed = bus.closed
    await world.lab.stopBus()
    await expect(closed).resolves.toBeInstanceOf(Error)
    await expect(supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, never())).rejects.toMatchObject({
      code: 'ERR_WIFI_BUS',
    })
    await supplicant.close()
    await world.lab.stopSupplicant()
    await world.lab.startBus()
  })

  it('takes over what a killed agent left in wpa_supplicant', async () => {
    const bus = await world.connect()
    await onDevice('address', 'add', '10.77.0.203/24', 'dev', PORT)
    await joinWith(world.startWith(bus, { address: 'system', addressMs: 5000 }))
    expect(await world.networks()).toBe(1)
    bus.close()
    const successor = start(await world.connect())
    await joinWith(successor)
    expect(await world.networks()).toBe(1)
  })

  it('uses an interface that another program has given to wpa_supplicant, and leaves it as it was', async () => {
    const bus = await world.connect()
    const peer = await findPeer(bus, 'fi.w1.wpa_supplicant1', never())
    const root = { path: '/fi/w1/wpa_supplicant1', interface: 'fi.w1.wpa_supplicant1' }
    const description = { Ifname: variant('s', PORT), Driver: variant('s', 'wired') }
    const [path] = await peer.call(root, 'CreateInterface', 'a{sv}', [description], never())
    const supplicant = start(bus)
    await joinWith(supplicant)
    expect(await world.networks()).toBe(1)
    await supplicant.close()
    const get = { path: String(path), interface: 'org.freedesktop.DBus.Properties' }
    const [left] = await peer.call(get, 'GetAll', 's', ['fi.w1.wpa_supplicant1.Interface'], never())
    expect(left).toMatchObject({ Ifname: PORT, Networks: [], Blobs: {} })
    await peer.call(root, 'RemoveInterface', 'o', [path], never())
  })

  it('is quick: the join costs little more than the EAP run', async () => {
    const supplicant = start(await world.connect(), { address: 'system', addressMs: 5000 })
    await onDevice('address', 'add', '10.77.0.202/24', 'dev', PORT)
    await joinWith(supplicant)
    const startedMs = performance.now()
    await joinWith(supplicant)
    expect(performance.now() - startedMs).toBeLessThan(700)
  })
})
