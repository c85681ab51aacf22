/**
 * 802.1X without a radio, natively and in milliseconds: a device and a hotspot in network namespaces, a wire between them,
 * real wpa_supplicant on a message bus of its own at one end, real hostapd, dnsmasq and a walled garden at the other.
 * Needs root; the Cloud API of a story is to be run in the hotspot's namespace.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runProgram } from '../run-program.ts'
import { type Authenticator, type EapServer, startAuthenticator } from './authenticator.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { type Greeter, startGreeter } from './greeter.ts'
import { type Addressing, raiseGarden, startDhcp } from './hotspot-network.ts'
import { type MessageBus, startMessageBus } from './message-bus.ts'
import { layWire, removeWire, type Wire } from './wire.ts'

/** `folder` takes logs, sockets and configuration files. `hosts` are names that the hotspot's DNS answers with its own address. */
export type WiredLabOptions = {
  readonly folder: string
  readonly eapServer: EapServer
  readonly hosts?: readonly string[]
  readonly gardenPort?: number
}

const SUPPLICANT_NAME = 'fi.w1.wpa_supplicant1'
const NAME_TIMEOUT_MS = 5000
const NAME_CHECK_MS = 20

/** Starts everything but DHCP. */
export async function openWiredLab(options: WiredLabOptions): Promise<WiredLab> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const wire = await layWire()
  const lab = new WiredLab(options, wire)
  try {
    await lab.dropAnchor()
    await lab.startBus()
    await lab.startHostapd()
    await lab.startSupplicant()
    if (options.gardenPort !== undefined) await raiseGarden(wire, options.gardenPort)
    return lab
  } catch (error) {
    await lab.close()
    throw error
  }
}

/** The laboratory; each part can be stopped and started by itself. */
export class WiredLab {
  readonly wire: Wire
  readonly #options: WiredLabOptions
  #eapServer: EapServer
  #bus: MessageBus | null = null
  #greeter: Greeter | null = null
  #anchor: Daemon | null = null
  #supplicant: Daemon | null = null
  #authenticator: Authenticator | null = null
  #dhcp: Daemon | null = null
  #greeting: Promise<void> = Promise.resolve()

  constructor(options: WiredLabOptions, wire: Wire) {
    this.#options = options
    this.#eapServer = options.eapServer
    this.wire = wire
  }

  get busAddress(): string {
    return `unix:path=${join(this.#options.folder, 'bus')}`
  }

  /** Where wpa_supplicant listens for `wpa_cli -g`. */
  get supplicantSocket(): string {
    return join(this.#options.folder, 'wpa')
  }

  /** Where the device's sysfs can be seen from outside its namespace. */
  get deviceSysfs(): string {
    return `/proc/${this.#anchor?.pid}/root/sys`
  }

  /** Puts a process into the device's namespace that does nothing but have its view of sysfs. */
  async dropAnchor(): Promise<void> {
    const logFile = join(this.#options.folder, 'anchor.log')
    this.#anchor = await startDaemon({ command: ['sleep', 'infinity'], namespace: this.wire.deviceNamespace, logFile, readyText: null })
  }

  /** Runs a program in the device's namespace. */
  onDevice(program: string, ...parameters: string[]): Promise<string> {
    return runProgram('ip', ['netns', 'exec', this.wire.deviceNamespace, program, ...parameters])
  }

  /** Runs a program in the hotspot's namespace. */
  atHotspot(program: string, ...parameters: string[]): Promise<string> {
    return runProgram('ip', ['netns', 'exec', this.wire.hotspotNamespace, program, ...parameters])
  }

  async startBus(): Promise<void> {
    this.#bus = await startMessageBus(this.#options.folder)
  }

  async stopBus(): Promise<void> {
    await this.#greeter?.stop()
    await this.#bus?.daemon.stop('SIGKILL')
    this.#greeter = null
    this.#bus = null
  }

  /** Starts wpa_supplicant where it does not run. */
  async startSupplicant(): Promise<void> {
    this.#supplicant ??= await startDaemon({
      command: ['wpa_supplicant', '-u', '-t', '-g', this.supplicantSocket],
      namespace: this.wire.deviceNamespace,
      logFile: join(this.#options.folder, 'wpa_supplicant.log'),
      readyText: 'Successfully initialized wpa_supplicant',
      environment: { DBUS_SYSTEM_BUS_ADDRESS: this.busAddress },
    })
    const startedMs = performance.now()
    while (!(await this.#hasSupplicantName())) {
      if (performance.now() - startedMs > NAME_TIMEOUT_MS) throw new Error('wpa_supplicant did not take its name on the bus')
      await sleep(NAME_CHECK_MS)
    }
  }

  async stopSupplicant(): Promise<void> {
    await this.#supplicant?.stop('SIGKILL')
    this.#supplicant = null
  }

  async restartSupplicant(): Promise<void> {
    await this.stopSupplicant()
    await this.startSupplicant()
  }

  /** Starts the authenticator, with another EAP server if one is given. It speaks to the device as soon as that selects a network. */
  async startHostapd(eapServer: EapServer = this.#eapServer): Promise<void> {
    await this.stopHostapd()
    this.#eapServer = eapServer
    const { folder } = this.#options
    this.#authenticator = await startAuthenticator(folder, this.wire, eapServer)
    await this.#greeter?.stop()
    this.#greeter = await startGreeter(this.busAddress, () => void this.greet().catch(() => {}))
  }

  /** The port goes dead: no EAP any more, as with an access point that lost its power. */
  async stopHostapd(): Promise<void> {
    await this.#greeter?.stop()
    await this.#authenticator?.daemon.stop('SIGKILL')
    this.#greeter = null
    this.#authenticator = null
  }

  /**
   * As if the cable had just been plugged in: hostapd forgets the device, with the minute of silence after a failure
   * (quietPeriod, IEEE 802.1X), and sends it the first EAP request.
   */
  greet(): Promise<void> {
    const greeting = this.#greeting.then(async () => {
      for (const command of [['disable'], ['enable'], ['new_sta', this.wire.deviceMac]]) await this.#authenticator?.control(...command)
    })
    // One after the other: the end of a greeting must not undo the next.
    this.#greeting = greeting.catch(() => {})
    return greeting
  }

  /** Runs a command of hostapd_cli. */
  async hostapdCli(...command: string[]): Promise<string> {
    if (this.#authenticator === null) throw new Error('hostapd does not run')
    return this.#authenticator.control(...command)
  }

  /** What hostapd has said: identities, EAP packets, decisions. */
  async hostapdLog(): Promise<string> {
    return (await this.#authenticator?.daemon.log()) ?? ''
  }

  async startDhcp(addressing: Addressing = 'ipv4'): Promise<void> {
    await this.stopDhcp()
    this.#dhcp = await startDhcp(this.#options.folder, this.wire, addressing, this.#options.hosts ?? [])
  }

  async stopDhcp(): Promise<void> {
    await this.#dhcp?.stop()
    this.#dhcp = null
  }

  /** Ends everything and takes the namespaces away. */
  async close(): Promise<void> {
    await this.stopDhcp()
    await this.stopHostapd()
    await this.stopSupplicant()
    await this.stopBus()
    await this.#anchor?.stop()
    await removeWire(this.wire)
  }

  async #hasSupplicantName(): Promise<boolean> {
    const call = ['/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner', `string:${SUPPLICANT_NAME}`]
    const reply = await runProgram('dbus-send', [`--bus=${this.busAddress}`, '--print-reply', '--dest=org.freedesktop.DBus', ...call])
    return reply.includes('boolean true')
  }
}
