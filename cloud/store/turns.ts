/** Turns: one at a time, in the order in which they were asked for. */
export class Turns {
  readonly #waiting: (() => void)[] = []
  #taken = false

  /** Waits for a turn. */
  take(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Ends the turn: the next in line has it. */
  pass(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken = false
    else next()
  }
}
