/**
 * DER with holes. The certificates of a batch differ in a few values only, and where these have the same lengths every other byte
 * is the same. So the whole is encoded once for each set of lengths, and after that only copied and filled in, which costs a
 * hundredth of encoding it.
 */

/** Encodes the whole from the values of its holes. */
export type Encode = (values: readonly Uint8Array[]) => Uint8Array

type Hole = { readonly value: number; readonly offset: number; readonly length: number }
type Form = { readonly bytes: Uint8Array; readonly holes: readonly Hole[] }

/** Fills values in; what it gives equals what `encode` would give. */
export class Layout {
  readonly #encode: Encode
  readonly #forms = new Map<string, Form>()

  constructor(encode: Encode) {
    this.#encode = encode
  }

  fill(values: readonly Uint8Array[]): Uint8Array {
    const { bytes, holes } = this.#formFor(values.map((value) => value.length))
    // From Buffer's pool, which is cheaper than memory of its own.
    const filled = Buffer.from(bytes)
    for (const { value, offset } of holes) filled.set(values[value] ?? new Uint8Array(), offset)
    return filled
  }

  #formFor(lengths: readonly number[]): Form {
    const key = lengths.join()
    const known = this.#forms.get(key)
    if (known !== undefined) return known
    const form = this.#find(lengths)
    this.#forms.set(key, form)
    return form
  }

  /** A hole is where two encodings differ that were given different bytes for one value and the same for all others. */
  #find(lengths: readonly number[]): Form {
    const blank = lengths.map((length) => new Uint8Array(length).fill(0x61))
    const bytes = this.#encode(blank)
    const holes = lengths.flatMap((length, value) => {
      if (length === 0) return []
      const other = this.#encode(blank.with(value, new Uint8Array(length).fill(0x62)))
      return startsOfDifferences(bytes, other).map((offset) => ({ value, offset, length }))
    })
    return { bytes, holes }
  }
}

function startsOfDifferences(a: Uint8Array, b: Uint8Array): readonly number[] {
  const starts: number[] = []
  for (let index = 0; index < a.length; index += 1)
    if (a[index] !== b[index] && (index === 0 || a[index - 1] === b[index - 1])) starts.push(index)
  return starts
}
