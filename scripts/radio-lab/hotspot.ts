/**
 * Access points of the lab; only `good` runs from the start. Each has a channel and a configuration of its own in the guest, and a
 * radio, which `second`, `plain` and `passpoint` share: they cannot run together.
 */
export type AccessPoint = 'good' | 'second' | 'plain' | 'passpoint' | 'evil-twin'

/** What every access point sends on: frequency and BSSID are fixed, so that a test can name them. */
export const accessPoints: Readonly<Record<AccessPoint, { bssid: string; frequencyMhz: number; phy: string }>> = {
  good: { bssid: '02:00:00:00:01:00', frequencyMhz: 2412, phy: 'phy1' },
  second: { bssid: '02:00:00:00:02:00', frequencyMhz: 2437, phy: 'phy2' },
  plain: { bssid: '02:00:00:00:02:00', frequencyMhz: 5180, phy: 'phy2' },
  passpoint: { bssid: '02:00:00:00:02:00', frequencyMhz: 2437, phy: 'phy2' },
  'evil-twin': { bssid: '02:00:00:00:03:00', frequencyMhz: 2462, phy: 'phy3' },
}

/** The hotspots of `plain`, by the SSIDs that people know them by. In `ZipKey-Free` the encrypted half of the pair is meant. */
export const plainBssids = {
  'ZipKey-SAE': '02:00:00:00:02:00',
  'ZipKey-Mixed': '02:00:00:00:02:01',
  'ZipKey-PSK': '02:00:00:00:02:02',
  'ZipKey-Hidden': '02:00:00:00:02:03',
  'ZipKey-OWE': '02:00:00:00:02:04',
  'ZipKey-Free': '02:00:00:00:02:06',
  'ZipKey-Page': '02:00:00:00:02:07',
} as const

/** The open half of the pair in `ZipKey-Free`. */
export const openHalfBssid = '02:00:00:00:02:05'

/**
 * The hotspots of `passpoint`. The device's operator runs `home`; `visited` takes the members of its roaming consortium, `stranger`
 * nobody whom a device of this lab is, and `liar` says that it is `home`.
 */
export const passpointBssids = {
  liar: '02:00:00:00:02:00',
  home: '02:00:00:00:02:01',
  visited: '02:00:00:00:02:02',
  stranger: '02:00:00:00:02:03',
} as const

const stationPhy = 'phy0'
// Access points send with 20 dBm, and hwsim adds the sender's tx power to its `rx_rssi`.
const txPowerDbm = 20

/** Runs a script in the guest and throws when it fails. */
export type RunInGuest = (script: string) => Promise<string>

/** Controls of the hotspot: what a tester would do with an access point, its AAA server and the distance to it. */
export class Hotspot {
  readonly #run: RunInGuest

  constructor(run: RunInGuest) {
    this.#run = run
  }

  /** Switches an access point on and waits until it sends beacons. */
  async startAccessPoint(name: AccessPoint): Promise<void> {
    await this.#run(`systemctl start hostapd@${name}`)
  }

  /** Switches an access point off in good order: it sends deauthentication frames to its stations. */
  async stopAccessPoint(name: AccessPoint): Promise<void> {
    await this.#run(`systemctl stop hostapd@${name}`)
  }

  /** Ends an access point's hostapd without any farewell. */
  async killAccessPoint(name: AccessPoint): Promise<void> {
    await this.#run(`systemctl kill --kill-whom=main --signal=KILL hostapd@${name}`)
  }

  /** Sets how strongly stations receive an access point. */
  async setSignal(name: AccessPoint, signalDbm: number): Promise<void> {
    // debugfs refuses negative text, and takes the same number in two's complement.
    const rssi = BigInt.asUintN(64, BigInt(signalDbm - txPowerDbm))
    await this.#run(`echo ${rssi} > /sys/kernel/debug/ieee80211/${accessPoints[name].phy}/hwsim/rx_rssi`)
  }

  /** Takes the device out of the range of every access point; nobody is told. */
  async moveStationAway(): Promise<void> {
    await this.#run(`echo 2 > /sys/kernel/debug/ieee80211/${stationPhy}/hwsim/group`)
  }

  /** Brings the device back into range. */
  async moveStationBack(): Promise<void> {
    await this.#run(`echo 1 > /sys/kernel/debug/ieee80211/${stationPhy}/hwsim/group`)
  }

  /** Pulls the device's radio out, as if it were a USB stick: `wlan0` disappears. */
  async unplugStation(): Promise<void> {
    await this.#run(`ip netns add drawer; iw phy ${stationPhy} set netns name drawer`)
  }

  /** Plugs the radio in again. */
  async plugStation(): Promise<void> {
    await this.#run(`ip netns exec drawer iw phy ${stationPhy} set netns 1; ip netns delete drawer`)
  }

  /** Starts the login page of `ZipKey-Page`, and DHCP and DNS there. */
  async startLoginPage(): Promise<void> {
    await this.#run('systemctl start hotspot-portal')
  }

  /** Stops DHCP and DNS of the hotspot. */
  async stopDhcp(): Promise<void> {
    await this.#run('systemctl stop hotspot-dhcp')
  }

  /** Starts DHCP and DNS of the hotspot. */
  async startDhcp(): Promise<void> {
    await this.#run('systemctl start hotspot-dhcp')
  }

  /** Stops FreeRADIUS: EAP gets no answer. */
  async stopAaa(): Promise<void> {
    await this.#run('systemctl stop hotspot-aaa')
  }

  /** Starts FreeRADIUS and waits until it is ready. */
  async startAaa(): Promise<void> {
    await this.#run('systemctl start hotspot-aaa')
  }

  /** Has FreeRADIUS present another certificate of the lab's PKI. */
  async presentCertificate(name: 'aaa' | 'other-name' | 'evil-aaa'): Promise<void> {
    const from = `/etc/hotspot/pki/${name}`
    await this.#run(`cp ${from}.pem /etc/hotspot/aaa.pem && cp ${from}.key /etc/hotspot/aaa.key && systemctl restart hotspot-aaa`)
  }
}
