/** Whether a directory survives a power cut. A RAM disk does not, nor an overlay whose upper layer is on one. */
import { readFile, readlink, stat, statfs } from 'node:fs/promises'
import { isAbsolute } from 'node:path'

const TMPFS = 0x01021994
const RAMFS = 0x858458f6
const OVERLAYFS = 0x794c7630

/** As in a container: what keeps the upper layer, and for how long, cannot be told from within. */
const NOT_IN_SIGHT = 'it is not in sight'

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)), as far as it matters here. */
export type Mount = { readonly device: string; readonly options: readonly string[] }

/** The kernel writes blanks and backslashes in paths as octal escapes. */
const decodeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Reads /proc/self/mountinfo. */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ')
    const [, , device] = before.split(' ')
    const [, , options] = after?.split(' ') ?? []
    return device === undefined || options === undefined ? [] : [{ device, options: options.split(',').map(decodeOctal) }]
  })
}

/** Linux's own packing of a device number (makedev(3)), as stat gives it and mountinfo writes it. */
const deviceText = (dev: bigint): string => {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  return `${major}:${minor}`
}

/** Why the directory does not survive a power cut, in a few words; null where it does. */
export async function volatileBecause(directory: string): Promise<string | null> {
  const type = (await statfs(directory)).type >>> 0
  if (type === TMPFS) return 'it is on a tmpfs'
  if (type === RAMFS) return 'it is on a ramfs'
  const device = deviceText((await stat(directory, { bigint: true })).dev)
  return type === OVERLAYFS ? overlayVolatileBecause(device) : ramDeviceBecause(device)
}

async function overlayVolatileBecause(device: string): Promise<string | null> {
  const mount = parseMounts(await readFile('/proc/self/mountinfo', 'utf8')).find((each) => each.device === device)
  // Linux 6.18 writes it the second way.
  if (mount?.options.some((option) => option === 'volatile' || option === 'fsync=volatile')) return 'it is on an overlay mounted volatile'
  const upper = mount?.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length)
  if (upper === undefined) return 'it is on an overlay without a writable layer'
  const upperBecause = isAbsolute(upper) ? await volatileBecause(upper).catch(() => NOT_IN_SIGHT) : NOT_IN_SIGHT
  return upperBecause === null ? null : `it is on an overlay, and of its upper layer: ${upperBecause}`
}

/** /dev/ram0 and /dev/zram0 are block devices with an ordinary file system, in memory. */
async function ramDeviceBecause(device: string): Promise<string | null> {
  const link = await readlink(`/sys/dev/block/${device}`).catch(() => '')
  return /\/z?ram\d+$/.test(link) ? 'it is on a RAM disk' : null
}
