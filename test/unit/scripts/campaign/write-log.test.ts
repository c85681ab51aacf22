import { describe, expect, it } from 'vitest'
import { parseWriteLog } from '../../../../scripts/campaign/power-cut/write-log.ts'

const SECTOR = 512
const FLUSH = 1
const FUA = 2
const DISCARD = 4

function sector(fields: readonly (number | bigint)[], then = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(SECTOR)
  for (const [index, value] of fields.entries()) head.writeBigUInt64LE(BigInt(value), index * 8)
  return Buffer.concat([head, then])
}

function superblock(): Buffer {
  const head = sector([0x6a736677736872n, 1, 0])
  head.writeUInt32LE(SECTOR, 24)
  return head
}

const data = Buffer.alloc(2 * SECTOR, 'x')
const write = sector([8, 2, 0, 0], data)
const flush = sector([0, 0, FLUSH, 0])

describe('the log of a disk', () => {
  it('is read request by request, each with the length of the log at its end', () => {
    expect(parseWriteLog(Buffer.concat([superblock(), write, flush, sector([8, 2, FUA, 0], data)]))).toEqual([
      { kind: 'write', offset: 8 * SECTOR, data, isDurable: false, endBytes: 4 * SECTOR },
      { kind: 'flush', endBytes: 5 * SECTOR },
      { kind: 'write', offset: 8 * SECTOR, data, isDurable: true, endBytes: 8 * SECTOR },
    ])
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no superblock, since nothing was flushed yet', Buffer.concat([Buffer.alloc(SECTOR), write])],
  ])('with %s in it says nothing', (_, log) => {
    expect(parseWriteLog(log)).toEqual([])
  })

  it.each([
    ['data', write.subarray(0, 2 * SECTOR)],
    ['its description', write.subarray(0, 100)],
  ])('ends before a request whose %s is not whole', (_, part) => {
    expect(parseWriteLog(Buffer.concat([superblock(), flush, part]))).toHaveLength(1)
  })

  it('ends at a gap that a killed QEMU left', () => {
    expect(parseWriteLog(Buffer.concat([superblock(), write, Buffer.alloc(SECTOR), flush]))).toHaveLength(1)
  })

  it('with a discard is refused: what is then on the disk cannot be told', () => {
    expect(() => parseWriteLog(Buffer.concat([superblock(), sector([8, 2, DISCARD, 0])]))).toThrow('discard')
  })
})
