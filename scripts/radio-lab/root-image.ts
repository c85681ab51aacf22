// The guest's root file system: the Debian packages that are installed on this machine, file by file, beneath `guest/rootfs`.
// A squashfs without compression, since unpacking would be done by an emulated CPU.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { contentKey, filesBelow } from './content-key.ts'
import { candidate, type DebianPackage, downloadPackage, installedClosure, pathsOf } from './debian-packages.ts'
import { arrangeUnits } from './guest-units.ts'
import type { Kernel } from './kernel.ts'
import { buildOnce, guestFolder } from './lab-folder.ts'
import type { LabSecrets } from './lab-secrets.ts'
import type { LabPki } from './pki.ts'
import { installHotspot, installProject, projectFiles } from './project-files.ts'

const packageNames = [
  ...[
    'base-files',
    'bash',
    'busybox-static',
    'coreutils',
    'curl',
    'dash',
    'dbus',
    'e2fsprogs',
    'findutils',
    'grep',
    'hostname',
    'iproute2',
  ],
  ...['iw', 'kmod', 'libc-bin', 'libstdc++6', 'mawk', 'mount', 'netbase', 'openssl', 'procps', 'sed', 'socat', 'systemd'],
  ...['systemd-sysv', 'tcpdump', 'udev', 'util-linux', 'wireless-regdb', 'wpasupplicant'],
  ...['dnsmasq-base', 'eapoltest', 'freeradius', 'freeradius-config', 'freeradius-rest', 'hostapd', 'nftables'],
]

/** Downloaded and not installed: installing it would take over name resolution on the developer's own machine. */
const downloadedOnly = 'systemd-resolved'

/** Paths that no program in the guest reads. */
const leftOut =
  /^\/usr\/(share\/(doc|man|info|locale|lintian|bug|mime|icons|zoneinfo|i18n)|lib\/(gcc|llvm|jvm)|include)(\/|$)|\/gconv\/|\/perl5?\/|\/python3/

/** Links that update-alternatives made and that the guest needs; no package lists them. */
const alternatives = ['awk', 'regulatory.db', 'regulatory.db.p7s'].flatMap((name) => [
  `/etc/alternatives/${name}`,
  name === 'awk' ? '/usr/bin/awk' : `/usr/lib/firmware/${name}`,
])

/** Kernel modules of the guest, as folders or files below `kernel/`. */
const moduleFolders = [
  ...['drivers/net/wireless/mac80211_hwsim.ko', 'net/wireless', 'net/mac80211', 'net/rfkill', 'net/bridge', 'net/802', 'net/llc'],
  ...[
    'net/netfilter',
    'net/ipv4/netfilter',
    'net/ipv6/netfilter',
    'net/packet',
    'net/core',
    'net/ipv6',
    'lib',
    'crypto',
    'arch/x86/crypto',
  ],
  ...[
    'drivers/block/virtio_blk.ko',
    'drivers/virtio',
    'drivers/char/virtio_console.ko',
    'drivers/char/hw_random',
    'drivers/net/virtio_net.ko',
  ],
  ...['drivers/net/net_failover.ko', 'fs/ext4', 'fs/jbd2', 'fs/mbcache.ko', 'fs/squashfs', 'fs/overlayfs'],
]

/** A root image, and the folder that it was packed from: the agent's program is installed into it again when it changes. */
export type RootImage = { key: string; file: string; tree: string }

/** Gives the root image, rebuilt when a package, a guest file, a certificate or a file of the project changed. */
export async function prepareRootImage(kernel: Kernel, pki: LabPki, secrets: LabSecrets, log: (line: string) => void): Promise<RootImage> {
  const [packages, resolved] = await Promise.all([installedClosure(packageNames), candidate(downloadedOnly)])
  const rootfs = join(guestFolder(), 'rootfs')
  const key = contentKey({
    texts: [
      kernel.key,
      process.version,
      JSON.stringify(secrets),
      ...[...packages, resolved].map(({ name, version }) => `${name}=${version}`),
    ],
    files: [...sources(), ...filesBelow(rootfs), ...filesBelow(pki.folder), ...projectFiles()],
  })
  const folder = await buildOnce('root', key, async (unfinished) => {
    log(`root image: ${packages.length} Debian packages installed here, and the project`)
    const tree = join(unfinished, 'tree')
    await copyPackages(packages, tree, unfinished)
    await unpackDownloaded(resolved, tree, unfinished)
    copyNode(tree)
    await copyModules(kernel, tree)
    cpSync(rootfs, tree, { recursive: true, verbatimSymlinks: true, force: true })
    installHotspot(tree, pki, secrets)
    await createUsers(tree)
    arrangeUnits(tree)
    await installProject(tree)
    const squashfsOptions = ['-all-root', '-noI', '-noD', '-noF', '-noX', '-no-progress', '-quiet']
    await runProgram('mksquashfs', [tree, join(unfinished, 'root.sqfs'), ...squashfsOptions])
  })
  return { key, file: join(folder, 'root.sqfs'), tree: join(folder, 'tree') }
}

function sources(): string[] {
  return ['root-image.ts', 'guest-units.ts', 'project-files.ts'].map((name) => join(guestFolder(), '..', name))
}

async function copyPackages(packages: readonly DebianPackage[], tree: string, scratch: string): Promise<void> {
  mkdirSync(tree)
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(tree, 'usr', name), { recursive: true })
    symlinkSync(`usr/${name}`, join(tree, name))
  }
  const merged = (await pathsOf(packages)).map((path) => path.replace(/^\/(bin|sbin|lib|lib64)(?=\/|$)/, '/usr/$1'))
  const wanted = [...merged, ...alternatives, '/etc/ld.so.cache'].filter(
    (path) => path !== '/.' && !leftOut.test(path) && lstatSync(path, { throwIfNoEntry: false }) !== undefined,
  )
  const list = join(scratch, 'paths')
  writeFileSync(list, [...new Set(wanted)].map((path) => `.${path}\n`).join(''))
  const copy = 'tar -C / --no-recursion --ignore-failed-read --warning=no-failed-read -T "$1" -cf - | tar -C "$2" --no-same-owner -xf -'
  await runProgram('bash', ['-c', `set -o pipefail; ${copy}`, 'copy', list, tree])
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'root', 'mnt', 'var/lib', 'var/tmp', 'etc/zipkey', 'var/lib/zipkey']) {
    mkdirSync(join(tree, name), { recursive: true })
  }
}

async function unpackDownloaded(wanted: DebianPackage, tree: string, scratch: string): Promise<void> {
  const packageFile = await downloadPackage(wanted, scratch)
  const unpacked = join(scratch, 'unpacked')
  await runProgram('dpkg-deb', ['--extract', packageFile, unpacked])
  for (const name of readdirSync(unpacked)) {
    const target = name === 'usr' || name === 'etc' ? name : join('usr', name)
    cpSync(join(unpacked, name), join(tree, target), { recursive: true, verbatimSymlinks: true })
  }
  rmSync(unpacked, { recursive: true })
}

function copyNode(tree: string): void {
  const target = join(tree, 'usr/local/bin/node')
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(realpathSync(process.execPath), target)
  chmodSync(target, 0o755)
  const usual = join(tree, 'usr/bin/node')
  rmSync(usual, { force: true })
  symlinkSync('/usr/local/bin/node', usual)
}

async function copyModules(kernel: Kernel, tree: string): Promise<void> {
  const from = join(kernel.modulesBase, 'lib/modules', kernel.release)
  const to = join(tree, 'usr/lib/modules', kernel.release)
  for (const name of moduleFolders) {
    if (existsSync(join(from, 'kernel', name))) cpSync(join(from, 'kernel', name), join(to, 'kernel', name), { recursive: true })
  }
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) copyFileSync(join(from, name), join(to, name))
  await runProgram('depmod', ['-b', tree, kernel.release])
}

async function createUsers(tree: string): Promise<void> {
  for (const name of ['passwd', 'group', 'shadow', 'gshadow', 'fstab']) rmSync(join(tree, 'etc', name), { force: true })
  await runProgram('systemd-sysusers', [`--root=${tree}`])
}
