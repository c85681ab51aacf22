/** The suite's world for the real adapter: real wpa_supplicant, hostapd and DHCP on a wire between two network namespaces. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deviceCertificate } from '../../../agent/credential/certificate.ts'
import type { TlsProfile, TtlsProfile } from '../../../agent/credential/eap-profile.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { createLog } from '../../../agent/log.ts'
import type { Supplicant } from '../../../agent/ports.ts'
import { type Bus, connectBus } from '../../../agent/wifi/dbus.ts'
import { openLinuxNetdevs } from '../../../agent/wifi/linux-netdevs.ts'
import { createWpaSupplicant } from '../../../agent/wifi/wpa-supplicant.ts'
import { type CertificateFiles, createAuthority, issueAuthority, issueClient, issueServer } from '../../../scripts/pki.ts'
import type { EapServer } from '../../../scripts/wired-lab/authenticator.ts'
import { openWiredLab, type WiredLab } from '../../../scripts/wired-lab/wired-lab.ts'
import type { SupplicantWorld } from './supplicant-suite.ts'

/** The name in the AAA server's certificate. */
export const SERVER_NAME = 'aaa.zipkey.test'
/** The one device that the AAA server knows. */
export const IDENTITY = 'dev-1@acme.zipkey.test'
/** Its password there. */
export const PASSWORD = 'the-right-password-of-dev-1'

const UDHCPC_SCRIPT = join(import.meta.dirname, '../../../agent/wifi/udhcpc-script')
const TIMERS = { joinMs: 3000, addressMs: 1500, scanMs: 3000 }

/** What a test may have otherwise. */
export type WiredChanges = {
  readonly address?: 'system' | 'udhcpc'
  readonly addressMs?: number
  readonly whileJoining?: () => void
}

/** The wired laboratory with the certificates that the tests need. */
export type WiredWorld = SupplicantWorld & {
  readonly lab: WiredLab
  readonly folder: string
  readonly log: ReturnType<typeof createLog>
  /** A connection to the laboratory's bus, closed with the world. */
  connect(): Promise<Bus>
  startWith(bus: Bus, changes: WiredChanges): Supplicant
}

/** Opens it. */
export async function openWiredWorld(): Promise<WiredWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'zipkey-wired-'))
  const pki = await createPki(join(folder, 'pki'))
  const servers = { good: eapServer(pki.ca, pki.server), expired: eapServer(pki.ca, pki.expired) }
  const lab = await openWiredLab({ folder: join(folder, 'lab'), eapServer: servers.good })
  const log = createLog('error', { journal: false })
  const buses: Bus[] = []
  const connect = async (): Promise<Bus> => {
    const bus = await connectBus(lab.busAddress, log, new AbortController().signal)
    buses.push(bus)
    return bus
  }
  const accepted = await acceptedProfile(pki.ca)
  const startWith: WiredWorld['startWith'] = (bus, { address = 'udhcpc', addressMs = TIMERS.addressMs, whileJoining = () => {} }) =>
    createWpaSupplicant({
      bus,
      wifi: { interface: lab.wire.interfaceName, country: null, address },
      timers: { ...TIMERS, addressMs },
      log,
      whileJoining,
      netdevs: openLinuxNetdevs({ ip: ['ip', '-n', lab.wire.deviceNamespace], sysfs: lab.deviceSysfs }),
      udhcpc: { command: ['ip', 'netns', 'exec', lab.wire.deviceNamespace, 'busybox', 'udhcpc'], script: UDHCPC_SCRIPT },
    })
  const rename = async (from: string, to: string): Promise<void> => {
    await lab.onDevice('ip', 'link', 'set', from, 'down')
    await lab.onDevice('ip', 'link', 'set', from, 'name', to)
    await lab.onDevice('ip', 'link', 'set', to, 'up')
  }
  let isUnplugged = false
  const plugRadio = async (): Promise<void> => {
    if (isUnplugged) await rename('unplugged', lab.wire.interfaceName)
    isUnplugged = false
  }
  return {
    lab,
    folder,
    log,
    connect,
    startWith,
    start: async () => startWith(await connect(), {}),
    accepted,
    certified: await tlsProfile(pki.ca, pki.client, [pki.intermediate]),
    unknown: await tlsProfile(pki.ca, pki.foreign, []),
    profiles: [{ security: 'wired-eap', eap: { ...accepted, methods: ['TLS', 'TTLS'], aaaDomain: 'zipkey.test' } }],
    evilCaPem: await readFile(pki.evilCa.certificateFile, 'utf8'),
    reset: async () => {
      await plugRadio()
      await lab.onDevice('ip', 'address', 'flush', 'dev', lab.wire.interfaceName, 'scope', 'global')
      await lab.startHostapd(servers.good)
      await lab.startDhcp()
      await lab.startSupplicant()
    },
    silenceHotspot: () => lab.stopHostapd(),
    expireServer: () => lab.startHostapd(servers.expired),
    stopAddresses: () => lab.stopDhcp(),
    dropLink: async () => void (await lab.onDevice('ip', 'address', 'flush', 'dev', lab.wire.interfaceName, 'scope', 'global')),
    stopSupplicant: () => lab.stopSupplicant(),
    startSupplicant: () => lab.startSupplicant(),
    unplugRadio: async () => {
      isUnplugged = true
      await rename(lab.wire.interfaceName, 'unplugged')
    },
    plugRadio,
    networks: () => countNetworks(lab),
    close: async () => {
      for (const bus of buses) bus.close()
      await lab.close()
      await rm(folder, { recursive: true })
    },
  }
}

type Pki = {
  readonly ca: CertificateFiles
  readonly server: CertificateFiles
  readonly expired: CertificateFiles
  readonly evilCa: CertificateFiles
  /** Of a device: issued by way of the CA that the AAA server knows, and by one that it does not. */
  readonly intermediate: CertificateFiles
  readonly client: CertificateFiles
  readonly foreign: CertificateFiles
}

async function createPki(folder: string): Promise<Pki> {
  await mkdir(folder)
  const ca = await createAuthority(folder, 'aaa-ca')
  const dates = { from: '20200101000000Z', to: '20210101000000Z' }
  const evilCa = await createAuthority(folder, 'evil-ca')
  const intermediate = await issueAuthority(folder, ca, 'intermediate')
  return {
    ca,
    evilCa,
    intermediate,
    client: await issueClient(folder, intermediate, 'client'),
    foreign: await issueClient(folder, evilCa, 'foreign'),
    server: await issueServer(folder, ca, { name: 'server', dnsName: SERVER_NAME }),
    expired: await issueServer(folder, ca, { name: 'expired', dnsName: SERVER_NAME, dates }),
  }
}

const eapServer = (ca: CertificateFiles, server: CertificateFiles): EapServer => ({
  kind: 'hostapd',
  users: [{ identity: IDENTITY, password: PASSWORD }],
  caFile: ca.certificateFile,
  server,
})

async function acceptedProfile(ca: CertificateFiles): Promise<TtlsProfile> {
  return {
    method: 'TTLS',
    inner: 'PAP',
    outerIdentity: 'anonymous@acme.zipkey.test',
    innerIdentity: IDENTITY,
    password: new Secret(PASSWORD),
    caPem: await readFile(ca.certificateFile, 'utf8'),
    tlsMaxVersion: '1.2',
    serverName: SERVER_NAME,
    checkDates: true,
  }
}

async function tlsProfile(ca: CertificateFiles, client: CertificateFiles, issuers: readonly CertificateFiles[]): Promise<TlsProfile> {
  const chain = await Promise.all([client, ...issuers].map(({ certificateFile }) => readFile(certificateFile, 'utf8')))
  const credential = deviceCertificate(chain.join(''), new Secret(await readFile(client.keyFile, 'utf8')))
  if (!credential.ok) throw new Error(credential.problem)
  return {
    method: 'TLS',
    outerIdentity: 'anonymous@acme.zipkey.test',
    fingerprint: credential.value.id.fingerprint,
    chainPem: credential.value.chainPem,
    privateKeyPem: credential.value.privateKeyPem,
    caPem: await readFile(ca.certificateFile, 'utf8'),
    tlsMaxVersion: '1.2',
    serverName: SERVER_NAME,
    checkDates: true,
  }
}

/** Asked of wpa_supplicant itself, by a program that is not ours; without an interface object there is none. */
async function countNetworks(lab: WiredLab): Promise<number> {
  const ask = (path: string, name: string, property: string): Promise<string> => {
    const call = [path, 'org.freedesktop.DBus.Properties.Get', `string:${name}`, `string:${property}`]
    return lab.onDevice('dbus-send', `--bus=${lab.busAddress}`, '--print-reply', '--dest=fi.w1.wpa_supplicant1', ...call)
  }
  const interfaces = await ask('/fi/w1/wpa_supplicant1', 'fi.w1.wpa_supplicant1', 'Interfaces')
  const paths = [...interfaces.matchAll(/object path "([^"]+)"/g)].map(([, path]) => path ?? '')
  const networks = await Promise.all(paths.map((path) => ask(path, 'fi.w1.wpa_supplicant1.Interface', 'Networks')))
  return networks.join('\n').split('object path').length - 1
}
