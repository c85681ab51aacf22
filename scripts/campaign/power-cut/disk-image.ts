/** A disk's content in memory, to be written out as often as needed: quickly, since a sparse file takes only what is not zero. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

const CHUNK_BYTES = 64 << 10

/** Bytes at an offset of the disk. */
export type Patch = { readonly offset: number; readonly data: Buffer }

/** One disk. */
export class DiskImage {
  readonly #bytes: Buffer
  readonly #used = new Set<number>()

  /** Reads the disk's first content. */
  constructor(file: string) {
    this.#bytes = readFileSync(file)
    const zeroes = Buffer.alloc(CHUNK_BYTES)
    for (let at = 0; at < this.#bytes.length; at += CHUNK_BYTES) {
      const chunk = this.#bytes.subarray(at, at + CHUNK_BYTES)
      if (!chunk.equals(zeroes.subarray(0, chunk.length))) this.#used.add(at / CHUNK_BYTES)
    }
  }

  /** Changes the content for good. */
  apply({ offset, data }: Patch): void {
    if (data.length === 0) return
    data.copy(this.#bytes, offset)
    for (let chunk = Math.floor(offset / CHUNK_BYTES); chunk * CHUNK_BYTES < offset + data.length; chunk++) this.#used.add(chunk)
  }

  /** Writes the content into a new file, with patches that stay out of the memory. */
  writeTo(file: string, patches: readonly Patch[]): void {
    const descriptor = openSync(file, 'wx')
    try {
      ftruncateSync(descriptor, this.#bytes.length)
      for (const chunk of this.#used) {
        const at = chunk * CHUNK_BYTES
        const data = this.#bytes.subarray(at, at + CHUNK_BYTES)
        writeSync(descriptor, data, 0, data.length, at)
      }
      for (const { offset, data } of patches) writeSync(descriptor, data, 0, data.length, offset)
    } finally {
      closeSync(descriptor)
    }
  }
}
