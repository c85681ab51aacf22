import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { contentKey } from './content-key.ts'
import { buildOnce } from './lab-folder.ts'
import { installProject, programFiles, programFolder } from './project-files.ts'
import type { RootImage } from './root-image.ts'

// A restored guest believes that the disk has not changed its size.
const sizeBytes = 16 << 20

/**
 * Gives the read-only disk with the agent's program, which the device mounts at /usr/lib/zipkey. A change of the agent costs
 * a second that way, and no new snapshot; it is installed by the same command as on a device.
 */
export async function prepareProgramDisk(root: RootImage): Promise<string> {
  const key = contentKey({ texts: [root.key], files: programFiles() })
  const folder = await buildOnce('program', key, async (unfinished) => {
    await installProject(root.tree)
    const disk = join(unfinished, 'program.sqfs')
    const options = ['-all-root', '-noI', '-noD', '-noF', '-noX', '-no-progress', '-quiet']
    await runProgram('mksquashfs', [join(root.tree, programFolder), disk, ...options])
    truncateSync(disk, sizeBytes)
  })
  return join(folder, 'program.sqfs')
}
