// The guest's kernel is Debian's own, downloaded and unpacked but never installed. (Debian's smaller cloud kernel has no 802.11.)
// It is booted as an uncompressed ELF file: to unpack it inside an emulated CPU takes five seconds more.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { downloadPackage, recommendedKernel } from './debian-packages.ts'
import { buildOnce } from './lab-folder.ts'

/** A kernel to boot, and the folder that `modprobe -d` and `depmod -b` take for its modules. */
export type Kernel = { key: string; release: string; imageFile: string; modulesBase: string }

/** Gives the kernel that Debian recommends, downloading it the first time. */
export async function prepareKernel(log: (line: string) => void): Promise<Kernel> {
  const wanted = await recommendedKernel()
  const key = `${wanted.name}_${wanted.version}`.replace(/[^\w.+-]/g, '_')
  const folder = await buildOnce('kernel', key, async (unfinished) => {
    log(`kernel: downloading ${wanted.name} (70 MB), which is not installed, only unpacked`)
    const packageFile = await downloadPackage(wanted, unfinished)
    await runProgram('dpkg-deb', ['--extract', packageFile, unfinished])
    rmSync(packageFile)
    const boot = join(unfinished, 'boot')
    const compressed = readdirSync(boot).find((name) => name.startsWith('vmlinuz-'))
    if (compressed === undefined) throw new Error(`${wanted.name} holds no kernel`)
    writeFileSync(join(unfinished, 'vmlinux'), await uncompressedKernel(readFileSync(join(boot, compressed))))
    rmSync(boot, { recursive: true })
    await runProgram('depmod', ['-b', unfinished, releaseIn(unfinished)])
  })
  return { key, release: releaseIn(folder), imageFile: join(folder, 'vmlinux'), modulesBase: folder }
}

function releaseIn(folder: string): string {
  const release = readdirSync(join(folder, 'lib/modules'))[0]
  if (release === undefined) throw new Error(`no kernel modules in ${folder}`)
  return release
}

async function uncompressedKernel(bzImage: Buffer): Promise<Buffer> {
  const xzMagic = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
  for (let at = bzImage.indexOf(xzMagic); at !== -1; at = bzImage.indexOf(xzMagic, at + 1)) {
    const unpacked = await unpackXz(bzImage.subarray(at))
    if (unpacked.subarray(0, 4).toString('latin1') === '\x7fELF') return unpacked
  }
  throw new Error('no xz-compressed ELF image inside the kernel file')
}

/** Unpacks what it can: behind the compressed kernel follow other bytes, about which xz complains. */
function unpackXz(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const xz = spawn('xz', ['--decompress', '--stdout', '--single-stream'], { stdio: ['pipe', 'pipe', 'ignore'] })
    const chunks: Buffer[] = []
    xz.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    xz.on('error', reject)
    xz.on('close', () => resolve(Buffer.concat(chunks)))
    xz.stdin.on('error', () => undefined)
    xz.stdin.end(bytes)
  })
}
