/** Disks' files as the device finds them at power-on: mounted by the kernel, which recovers the journal, or else repaired first, as a boot would. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from '../../run-program.ts'

/** How a file system came up. `unusable`: not even a repair made it one. */
export type MountOutcome = 'clean' | 'repaired' | 'unusable'

/** One disk's file, and where to see it. */
export type MountRequest = { readonly file: string; readonly mountPoint: string }

const OPTIONS = 'loop,noatime,nosuid,nodev,noexec'

/** Mounts many files by one call of mount(8), has them looked at, and unmounts them. */
export async function whileMounted(
  requests: readonly MountRequest[],
  scratchFolder: string,
  look: (outcomes: readonly MountOutcome[]) => Promise<void>,
): Promise<void> {
  for (const { mountPoint } of requests) await mkdir(mountPoint, { recursive: true })
  const table = join(scratchFolder, 'fstab')
  await writeFile(table, requests.map(({ file, mountPoint }) => `${file} ${mountPoint} ext4 ${OPTIONS} 0 0\n`).join(''))
  try {
    // What could not be mounted is seen below.
    await runProgram('mount', ['--all', '--fstab', table]).catch(() => undefined)
    const clean = await mountPoints()
    const outcomes: MountOutcome[] = []
    for (const request of requests) outcomes.push(clean.has(request.mountPoint) ? 'clean' : await repairAndMount(request))
    await look(outcomes)
  } finally {
    const mounted = await mountPoints()
    const ours = requests.map(({ mountPoint }) => mountPoint).filter((mountPoint) => mounted.has(mountPoint))
    if (ours.length > 0) await runProgram('umount', ours)
  }
}

async function repairAndMount({ file, mountPoint }: MountRequest): Promise<MountOutcome> {
  // e2fsck ends with 1 where it repaired something; whether that helped shows next.
  await runProgram('e2fsck', ['-fy', file]).catch(() => undefined)
  return runProgram('mount', ['-t', 'ext4', '-o', OPTIONS, file, mountPoint]).then(
    () => 'repaired',
    () => 'unusable',
  )
}

async function mountPoints(): Promise<ReadonlySet<string>> {
  const mounts = await readFile('/proc/self/mounts', 'utf8')
  return new Set(mounts.split('\n').map((line) => line.split(' ')[1] ?? ''))
}
