import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runProgram } from '../run-program.ts'

/** Sizes of the device's disks; a restored guest believes that they never change. */
export const diskSizesMib = { state: 32, config: 8 } as const

/** A file to be put on a disk, by its path there. */
export type DiskFile = { path: string; content: string | Buffer; mode?: number }

/** Creates a disk with nothing on it, not even a file system. */
export function createBlankDisk(file: string, sizeMib: number): void {
  const descriptor = openSync(file, 'w')
  ftruncateSync(descriptor, sizeMib << 20)
  closeSync(descriptor)
}

/** Creates an ext4 disk that holds the given files. */
export async function createDisk(file: string, sizeMib: number, files: readonly DiskFile[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-disk-'))
  try {
    for (const { path, content, mode } of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content, { mode: mode ?? 0o600 })
    }
    createBlankDisk(file, sizeMib)
    await runProgram('mke2fs', ['-q', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', folder, file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}
