/** Random bytes, drawn by the thousand: a call of OpenSSL for each few costs more than they do. */
import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8192

/** Hands out random bytes, each of them once. */
export class RandomPool {
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #used = POOL_BYTES

  draw(length: number): Uint8Array {
    if (this.#used + length > POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const drawn = Uint8Array.from(this.#pool.subarray(this.#used, this.#used + length))
    this.#pool.fill(0, this.#used, this.#used + length)
    this.#used += length
    return drawn
  }
}
