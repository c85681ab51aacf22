/** Where a secret could get out, each with a name for the report. */

/** Channels that are searched for every secret, and into which a decoy is planted in every form. */
export const CHANNELS = {
  'agent log': 'journal of zipkey-agent.service, log.level trace',
  'AAA log': 'journal of hotspot-aaa.service: FreeRADIUS -f, without -X',
  'cloud log': 'log of the cloud at level trace',
  journal: 'the whole journal of the device, every field, kernel and hotspot included',
  'kernel log': 'ring buffer and console',
  'argv at exec': 'arguments of every execve on the device, taken by a kprobe',
  'environ at exec': 'environment of every execve on the device, taken by a kprobe',
  'argv, environ': '/proc/*/cmdline and environ of all processes, read again and again',
  'bus: signals': 'what dbus-monitor shows the user nobody',
  'bus: properties': 'what Get, GetAll, Introspect and systemctl show tell the user nobody',
  files: 'every file changed since switched on that is not the agent’s own, its temporary ones included',
  core: 'core of the aborted agent, given to a pipe that ignores LimitCORE',
  'core file': 'files of that pattern after an abort',
  air: 'hwsim0: every frame of every radio',
  'wire: RADIUS': 'loopback of the hotspot: hostapd to FreeRADIUS',
  'wire: garden': 'bridge of the hotspot: the device’s packets as the hotspot’s operator sees them',
  'wire: uplink': 'hotspot to cloud',
} as const

/** One of them. */
export type Channel = keyof typeof CHANNELS

/** All of them, in the order of the report. */
export const CHANNEL_NAMES = Object.keys(CHANNELS) as Channel[]

/** Places where some secrets do belong: that they are found there shows that the right ones are looked for. */
export const CONTROLS = {
  'device’s disks': 'every write to state and config disk',
  'bus: root': 'what dbus-monitor shows root',
  'bus: netdev': 'what Get and GetAll tell a member of netdev, who may configure wpa_supplicant',
} as const

/** One of them. */
export type Control = keyof typeof CONTROLS
