/** When what is due for whom: a queue by time for very many, each with at most one entry, in slots of some milliseconds. */

const SLOT_MS = 5
const NOBODY = -1

/** Entries by number of their owner. */
export class Calendar {
  /** First owner of each slot. */
  readonly #heads: number[] = []
  readonly #next: Int32Array
  readonly #dueMs: Float64Array
  #slot = 0
  /** No slot before this one has an entry. */
  #emptyUntil = 0
  #entries = 0

  constructor(owners: number) {
    this.#next = new Int32Array(owners).fill(NOBODY)
    this.#dueMs = new Float64Array(owners)
  }

  /** Enters an owner; what is already past is due at once. */
  add(owner: number, dueMs: number): void {
    const slot = Math.max(this.#slot, Math.floor(dueMs / SLOT_MS))
    this.#next[owner] = this.#heads[slot] ?? NOBODY
    this.#heads[slot] = owner
    this.#dueMs[owner] = dueMs
    this.#entries += 1
    this.#emptyUntil = Math.min(this.#emptyUntil, slot)
  }

  /** When the next slot with an entry begins; null where there is none. */
  nextMs(): number | null {
    if (this.#entries === 0) return null
    this.#emptyUntil = Math.max(this.#emptyUntil, this.#slot)
    while ((this.#heads[this.#emptyUntil] ?? NOBODY) === NOBODY) this.#emptyUntil += 1
    return this.#emptyUntil * SLOT_MS
  }

  /** Takes out all whose slot has begun, with the time that they were due. What is entered meanwhile waits for the next call. */
  due(nowMs: number, tell: (owner: number, dueMs: number) => void): void {
    while (this.#slot * SLOT_MS <= nowMs) {
      let owner = this.#heads[this.#slot] ?? NOBODY
      this.#slot += 1
      while (owner !== NOBODY) {
        const after = this.#next[owner] ?? NOBODY
        this.#entries -= 1
        tell(owner, this.#dueMs[owner] ?? 0)
        owner = after
      }
    }
  }
}
