import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Debian's units that the device or the hotspot uses; a package's install script would have enabled them. */
const wantedByDefault = [
  { target: 'multi-user.target', unit: 'lab.target', file: '/etc/systemd/system/lab.target' },
  { target: 'multi-user.target', unit: 'zipkey-disks.target', file: '/etc/systemd/system/zipkey-disks.target' },
]

/** D-Bus starts these by their alias, which `systemctl enable` would have made. */
const aliases = [{ alias: 'dbus-fi.w1.wpa_supplicant1.service', file: '/lib/systemd/system/wpa_supplicant.service' }]

/** Units that cost boot time on an emulated CPU and do nothing for a machine whose root file system is gone at power-off. */
const masked = [
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'e2scrub_reap.service',
  'getty.target',
  'kmod-static-nodes.service',
  'ldconfig.service',
  'modprobe@configfs.service',
  'modprobe@drm.service',
  'modprobe@efi_pstore.service',
  'modprobe@dm_mod.service',
  'modprobe@fuse.service',
  'modprobe@loop.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-tracing.mount',
  'systemd-binfmt.service',
  'systemd-firstboot.service',
  'systemd-journal-flush.service',
  'systemd-logind.service',
  'systemd-machine-id-commit.service',
  'systemd-networkd-wait-online.service',
  'systemd-random-seed.service',
  'systemd-rfkill.socket',
  'systemd-sysusers.service',
  'systemd-tmpfiles-clean.timer',
  'systemd-update-utmp-runlevel.service',
  'systemd-update-utmp.service',
  'systemd-user-sessions.service',
]

/** Enables, aliases and masks units in a root tree, by the links that `systemctl` would set. */
export function arrangeUnits(tree: string): void {
  const units = join(tree, 'etc/systemd/system')
  const links = [
    ...wantedByDefault.map(({ target, unit, file }) => ({ link: `${target}.wants/${unit}`, file })),
    ...aliases.map(({ alias, file }) => ({ link: alias, file })),
    ...masked.map((unit) => ({ link: unit, file: '/dev/null' })),
    { link: 'default.target', file: '/lib/systemd/system/multi-user.target' },
  ]
  for (const { link, file } of links) {
    mkdirSync(dirname(join(units, link)), { recursive: true })
    symlinkSync(file, join(units, link))
  }
}
