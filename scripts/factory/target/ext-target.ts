/** An ext2, ext3 or ext4 file system, by debugfs and dumpe2fs (e2fsprogs). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { memoryFolder } from '../memory-folder.ts'
import { runTool } from './run-tool.ts'
import { type FileAccess, type Target, TargetError } from './target.ts'

const REGULAR_FILE = 0o100_000
/** What debugfs prints before anything else, on stderr. */
const BANNER = /^debugfs [0-9.]+ \(.*\)$/

/** Opens the one at this offset of an image or block device. */
export async function openExt(file: string, offset: number): Promise<Target> {
  const device = `${file}?offset=${offset}`
  await refuseUnclean(file, device)
  return {
    async read(path) {
      const { stdout, complaints } = await debugfs(device, [], [`cat ${quoted(path)}`])
      if (complaints.length === 0) return stdout
      if (complaints.some((line) => /not found/.test(line))) return null
      throw new TargetError(`${file}: ${path} cannot be read: ${complaints.join('; ')}`)
    },
    async write(path, bytes, access) {
      const folder = mkdtempSync(join(memoryFolder(), 'zipkey-flash-'))
      try {
        const source = join(folder, 'file')
        writeFileSync(source, bytes, { mode: 0o600 })
        await writeFile(file, device, source, path, access)
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    close: async () => {},
  }
}

/** A journal that is to be replayed would be written over our file at the next mount. */
async function refuseUnclean(file: string, device: string): Promise<void> {
  const { exitCode, stdout, stderr } = await runTool('dumpe2fs', ['-h', device], 'e2fsprogs')
  if (exitCode !== 0) throw new TargetError(`${file}: cannot be read: ${stderr.split('\n').at(-1) ?? ''}`)
  if (/^Filesystem features:.*\bneeds_recovery\b/m.test(Buffer.from(stdout).toString()))
    throw new TargetError(`${file}: was not unmounted cleanly: run e2fsck on it, or make the image again`)
}

async function writeFile(file: string, device: string, source: string, path: string, { mode, uid, gid }: FileAccess): Promise<void> {
  const fields = [
    ['mode', `0${(REGULAR_FILE | mode).toString(8)}`],
    ['uid', String(uid ?? 0)],
    ['gid', String(gid ?? 0)],
  ]
  // These two complain where there is nothing to do.
  const made = await debugfs(
    device,
    ['-w'],
    foldersAbove(path).map((folder) => `mkdir ${quoted(folder)}`),
  )
  await debugfs(device, ['-w'], [`rm ${quoted(path)}`])
  const { complaints } = await debugfs(
    device,
    ['-w'],
    [`write ${quoted(source)} ${quoted(path)}`, ...fields.map(([name, value]) => `set_inode_field ${quoted(path)} ${name} ${value}`)],
  )
  if (complaints.length === 0) return
  await debugfs(device, ['-w'], [`rm ${quoted(path)}`])
  const isFull = [...made.complaints, ...complaints].some((line) => /no space|could not allocate/i.test(line))
  throw new TargetError(`${file}: ${path} cannot be written: ${isFull ? 'it is full' : complaints.join('; ')}`)
}

const foldersAbove = (path: string): readonly string[] => (dirname(path) === '/' ? [] : [...foldersAbove(dirname(path)), dirname(path)])

const quoted = (path: string): string => `"${path.replaceAll('"', '""')}"`

/** debugfs ends with 0 whatever happens: its complaints tell. */
async function debugfs(device: string, options: readonly string[], requests: readonly string[]) {
  const requestsOnStdin = requests.length === 1 ? ['-R', requests[0] ?? ''] : ['-f', '-']
  const stdin = requests.length === 1 ? undefined : Buffer.from(`${requests.join('\n')}\n`)
  const { stdout, stderr } = await runTool('debugfs', [...options, ...requestsOnStdin, device], 'e2fsprogs', stdin)
  const complaints = stderr.split('\n').filter((line) => line !== '' && !BANNER.test(line))
  return { stdout, complaints }
}
