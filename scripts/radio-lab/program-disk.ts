import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { contentKey } from './content-key.ts'
import { buildOnce } from './lab-folder.ts'
import { installProject, programFiles, programFolder } from './project-files.ts'
import type { RootImage } from './root-image.ts'

// A restored guest believes that the disk has not changed its size.
const sizeBytes = 16 << 20

/** A disk with the agent's program; the key changes with the program. */
export type ProgramDisk = { key: string; file: string }

/**
 * Gives the read-only disk with the agent's program, which the device mounts at /usr/lib/zipkey. A change of the agent costs
 * seconds that way, and no new snapshot; it is installed by the same command as on a device.
 */
export async function prepareProgramDisk(root: RootImage): Promise<ProgramDisk> {
  const key = contentKey({ texts: [root.key], files: programFiles() })
  const folder = await buildOnce('program', key, async (unfinished) => {
    await installProject(root.tree)
    await packProgramDisk(join(root.tree, programFolder), unfinished)
  })
  return { key, file: join(folder, 'program.sqfs') }
}

/** Packs a tree as `program.sqfs` in a folder. */
export async function packProgramDisk(tree: string, folder: string): Promise<void> {
  const disk = join(folder, 'program.sqfs')
  await runProgram('mksquashfs', [tree, disk, '-all-root', '-noI', '-noD', '-noF', '-noX', '-no-progress', '-quiet'])
  truncateSync(disk, sizeBytes)
}
