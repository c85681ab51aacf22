/** A value that must never be printed. `reveal()` is the only way out, so `grep reveal` is the audit. */
export class Secret<T extends string | Uint8Array = Uint8Array> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  /** The value itself; what is done with it is the caller's responsibility. */
  reveal(): T {
    return this.#value
  }

  toJSON(): string {
    return '[secret]'
  }

  toString(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
