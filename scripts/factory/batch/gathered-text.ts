/** Text that is put together piece by piece in one stretch of memory: a thousand small strings would keep the garbage collector busy. */

const FIRST_BYTES = 65_536
/** A unit of UTF-16 takes at most so many in UTF-8. */
const MOST_BYTES = 3

/** Grows as text is added. */
export class GatheredText {
  #memory = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0

  add(text: string): void {
    this.#makeRoom(text.length * MOST_BYTES)
    this.#length += this.#memory.write(text, this.#length, 'utf8')
  }

  addBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#memory.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** What was gathered: the memory itself, which the next addition after `clear` writes over. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  #makeRoom(length: number): void {
    if (this.#length + length <= this.#memory.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#length + length))
    larger.set(this.bytes)
    this.#memory = larger
  }
}
