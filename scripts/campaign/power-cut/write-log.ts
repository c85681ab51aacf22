/**
 * QEMU's log of a disk's writes and flushes (blklogwrites), in the format of Linux's dm-log-writes: a superblock, then for each
 * request a sector that describes it and its data.
 *
 * QEMU logs a request after it was carried out and before the guest is told. So whatever the guest built upon is in the log
 * before it; and a write that was under way together with a flush stands before it only if it was done before the flush was.
 */

/** One request. `endBytes` is how long the log was with it. */
export type LogEntry =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer; readonly isDurable: boolean; readonly endBytes: number }
  | { readonly kind: 'flush'; readonly endBytes: number }

const MAGIC = 0x6a736677736872n
const HEADER_BYTES = 32
const FLUSH = 1
const FORCE_UNIT_ACCESS = 2
const DISCARD = 4

/** Reads a log. QEMU may have been killed while it wrote: what is not whole at the end never reached the guest's knowledge. */
export function parseWriteLog(log: Buffer): readonly LogEntry[] {
  if (log.length < HEADER_BYTES) return []
  const sectorBytes = log.readUInt32LE(24)
  // The superblock is written with the first flush.
  if (log.readBigUInt64LE(0) !== MAGIC || sectorBytes === 0) return []
  const entries: LogEntry[] = []
  for (let at = sectorBytes; at + sectorBytes <= log.length; ) {
    const [sector, sectors, flags] = [0, 8, 16].map((field) => Number(log.readBigUInt64LE(at + field))) as [number, number, number]
    if (sectors === 0 && flags === 0) break
    if ((flags & DISCARD) !== 0) throw new Error('the disk was told to discard sectors, which this replay does not know')
    const dataAt = at + sectorBytes
    const endBytes = dataAt + sectors * sectorBytes
    if (endBytes > log.length) break
    if ((flags & FLUSH) !== 0) entries.push({ kind: 'flush', endBytes })
    if (sectors > 0) {
      const isDurable = (flags & FORCE_UNIT_ACCESS) !== 0
      entries.push({ kind: 'write', offset: sector * sectorBytes, data: log.subarray(dataAt, endBytes), isDurable, endBytes })
    }
    at = endBytes
  }
  return entries
}
