/** The file system in an image or on a block device, in a partition or over all of it. */
import { closeSync, constants, openSync, statSync } from 'node:fs'
import { openExt } from './ext-target.ts'
import { openFat } from './fat-target.ts'
import { runTool } from './run-tool.ts'
import { type Target, TargetError } from './target.ts'

const SECTOR_BYTES = 512

type Partition = { readonly number: number; readonly offset: number; readonly type: string }

/** Opens `file`, or its partition of this number. A mounted one is refused: what is in memory would be written over ours. */
export async function openFileSystem(file: string, partition: number | null): Promise<Target> {
  refuseUnusable(file)
  const { offset, type } = await findFileSystem(file, partition)
  switch (type) {
    case 'vfat':
      return openFat(file, offset)
    case 'ext2':
    case 'ext3':
    case 'ext4':
      return openExt(file, offset)
    default: // any other word of blkid's
      throw new TargetError(
        `${file}: holds ${type === '' ? 'no file system that is known' : type}: FAT and ext4 can be written without mounting them`,
      )
  }
}

function refuseUnusable(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new TargetError(`${file}: is not there`)
  if (!found.isFile() && !found.isBlockDevice()) throw new TargetError(`${file}: is neither an image nor a block device`)
  try {
    // On a block device O_EXCL fails while it is mounted.
    closeSync(openSync(file, found.isBlockDevice() ? constants.O_RDWR | constants.O_EXCL : constants.O_RDWR))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    throw new TargetError(code === 'EBUSY' ? `${file}: is mounted: unmount it` : `${file}: cannot be written (${code})`)
  }
}

async function findFileSystem(file: string, number: number | null): Promise<{ readonly offset: number; readonly type: string }> {
  const partitions = await partitionsOf(file)
  if (number === null && partitions.length === 0) return { offset: 0, type: await typeAt(file, 0) }
  const found = partitions.find((each) => each.number === number)
  if (found !== undefined) return found
  const listed = partitions.map((each) => `${file}#${each.number} (${each.type === '' ? 'unknown' : each.type})`)
  throw new TargetError(partitions.length === 0 ? `${file}: has no partitions` : `${file}: name a partition: ${listed.join(', ')}`)
}

async function partitionsOf(file: string): Promise<readonly Partition[]> {
  const { stdout } = await runTool('partx', ['--raw', '--noheadings', '--output', 'NR,START', file], 'util-linux')
  const rows = [
    ...Buffer.from(stdout)
      .toString()
      .matchAll(/^\s*(\d+)\s+(\d+)\s*$/gm),
  ]
  return Promise.all(
    rows.map(async ([, number, start]) => {
      const offset = Number(start) * SECTOR_BYTES
      return { number: Number(number), offset, type: await typeAt(file, offset) }
    }),
  )
}

async function typeAt(file: string, offset: number): Promise<string> {
  const { stdout } = await runTool(
    'blkid',
    ['--probe', '--offset', String(offset), '--output', 'value', '--match-tag', 'TYPE', file],
    'util-linux',
  )
  return Buffer.from(stdout).toString().trim()
}
