import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { contentKey } from './content-key.ts'
import type { Kernel } from './kernel.ts'
import { buildOnce, guestFolder } from './lab-folder.ts'

/** What the guest needs before its root file system is there; udev loads the rest. */
const modules = ['virtio_pci', 'virtio_blk', 'squashfs', 'overlay', 'virtio_console', 'virtio_net', 'virtio_rng', 'ext4']

/** Gives the initramfs: busybox, a handful of modules and `guest/initramfs-init`. */
export async function prepareInitramfs(kernel: Kernel): Promise<{ key: string; file: string }> {
  const init = join(guestFolder(), 'initramfs-init')
  const busybox = '/bin/busybox'
  const key = contentKey({ texts: [kernel.key, ...modules], files: [init, busybox] })
  const folder = await buildOnce('initramfs', key, async (unfinished) => {
    const tree = join(unfinished, 'tree')
    for (const name of ['bin', 'lib/modules', 'proc', 'sys', 'dev', 'newroot', 'image', 'memory']) {
      mkdirSync(join(tree, name), { recursive: true })
    }
    copyFileSync(busybox, join(tree, 'bin/busybox'))
    copyFileSync(init, join(tree, 'init'))
    chmodSync(join(tree, 'init'), 0o755)
    const moduleFiles = await withDependencies(kernel)
    for (const file of moduleFiles) copyFileSync(file, join(tree, 'lib/modules', basename(file)))
    writeFileSync(join(tree, 'modules.list'), moduleFiles.map((file) => `${basename(file)}\n`).join(''))
    await runProgram('bash', ['-c', `cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 > ../initramfs.cpio`, 'cpio', tree])
    rmSync(tree, { recursive: true })
  })
  return { key, file: join(folder, 'initramfs.cpio') }
}

async function withDependencies(kernel: Kernel): Promise<string[]> {
  const builtIn = readFileSync(join(kernel.modulesBase, 'lib/modules', kernel.release, 'modules.builtin'), 'utf8')
  const files = new Set<string>()
  for (const name of modules) {
    if (builtIn.includes(`/${name}.ko`)) continue
    const listed = await runProgram('modprobe', ['-d', kernel.modulesBase, '-S', kernel.release, '--show-depends', name])
    for (const line of listed.split('\n')) if (line.startsWith('insmod ')) files.add(line.slice('insmod '.length).trim())
  }
  return [...files]
}
