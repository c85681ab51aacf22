/** Looks for thousands of byte sequences at once, in one pass. */
import { ENCODINGS, type Encoding, encode } from './encodings.ts'
import type { Shape, SoughtSecret } from './secret.ts'

/** A secret in one shape and one encoding. */
export type Form = { readonly secret: string; readonly shape: Shape['shape']; readonly encoding: Encoding }

/** A form, where it was found first, and how often it or a half of it was. */
export type Finding = Form & { readonly offset: number; readonly count: number }

type Needle = { readonly form: Form; readonly bytes: Buffer }

const KEY_BYTES = 3
// Half a secret is a leak as well; what is shorter than this would be found by chance.
const SHORTEST_BYTES = 8

/** Every form in which a secret is looked for. */
export const formsOf = ({ name, shapes }: SoughtSecret): readonly (Form & { readonly value: Buffer })[] =>
  shapes.flatMap(({ shape, value }) => ENCODINGS.map((encoding) => ({ secret: name, shape, encoding, value })))

/** Secrets to look for; made once, used on many channels. */
export class Finder {
  readonly #byFirstBytes = new Map<number, Needle[]>()
  readonly #present = new Uint8Array(1 << (8 * KEY_BYTES))

  constructor(secrets: readonly SoughtSecret[]) {
    for (const secret of secrets) {
      for (const { value, ...form } of formsOf(secret))
        for (const bytes of parts(secret, encode(form.encoding, value))) this.#add({ form, bytes })
    }
  }

  /** Gives what is in the data, each form once. */
  search(data: Buffer): readonly Finding[] {
    const found = new Map<Form, Finding>()
    let key = data.length < KEY_BYTES ? 0 : ((data[0] ?? 0) << 8) | (data[1] ?? 0)
    for (let end = KEY_BYTES; end <= data.length; end += 1) {
      key = ((key << 8) | (data[end - 1] ?? 0)) & 0xffffff
      if (this.#present[key] === 1) this.#compare(data, end - KEY_BYTES, key, found)
    }
    return [...found.values()]
  }

  #add(needle: Needle): void {
    if (needle.bytes.length < SHORTEST_BYTES) throw new Error(`${needle.form.secret} is too short to be looked for`)
    const key = needle.bytes.readUIntBE(0, KEY_BYTES)
    this.#present[key] = 1
    this.#byFirstBytes.set(key, [...(this.#byFirstBytes.get(key) ?? []), needle])
  }

  #compare(data: Buffer, start: number, key: number, found: Map<Form, Finding>): void {
    for (const { form, bytes } of this.#byFirstBytes.get(key) ?? []) {
      if (data.compare(bytes, 0, bytes.length, start, Math.min(start + bytes.length, data.length)) !== 0) continue
      const before = found.get(form)
      found.set(form, { ...form, offset: before?.offset ?? start, count: (before?.count ?? 0) + 1 })
    }
  }
}

function parts({ kind }: SoughtSecret, encoded: Buffer): readonly Buffer[] {
  switch (kind) {
    case 'mark':
      return [encoded]
    case 'whole': {
      const middle = encoded.length >> 1
      return [encoded.subarray(0, middle), encoded.subarray(middle)]
    }
  }
}
