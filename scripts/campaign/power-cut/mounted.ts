/** A disk's file as the device finds it at power-on: mounted by the kernel, which recovers the journal, or else repaired first, as a boot would. */
import { mkdir } from 'node:fs/promises'
import { runProgram } from '../../run-program.ts'

/** How the file system came up. */
export type MountOutcome = 'clean' | 'repaired'

/** Mounts the file, uses it, and unmounts it; throws where not even a repair makes it a file system. */
export async function whileMounted<T>(file: string, mountPoint: string, use: (how: MountOutcome) => Promise<T>): Promise<T> {
  await mkdir(mountPoint, { recursive: true })
  const how = await mount(file, mountPoint)
  try {
    return await use(how)
  } finally {
    await runProgram('umount', [mountPoint])
  }
}

async function mount(file: string, mountPoint: string): Promise<MountOutcome> {
  const command = ['-t', 'ext4', '-o', 'loop,noatime,nosuid,nodev,noexec', file, mountPoint]
  try {
    await runProgram('mount', command)
    return 'clean'
  } catch {
    // e2fsck ends with 1 where it repaired something; whether that helped shows next.
    await runProgram('e2fsck', ['-fy', file]).catch(() => undefined)
    await runProgram('mount', command)
    return 'repaired'
  }
}
