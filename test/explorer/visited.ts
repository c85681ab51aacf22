/** The states that were visited: how each was first reached, and where each device comes to when nothing more goes wrong. */
import type { Found } from './explore.ts'

/** A state at its first visit; `arrived` says of each device whether it has nothing more to reach. */
export type Visit = { readonly key: string; readonly from: number; readonly what: string; readonly arrived: readonly boolean[] }

type Kept = { readonly from: number; readonly what: string; readonly arrived: readonly boolean[]; readonly courses: string[] }

export class Visited {
  readonly #indexes = new Map<string, number>()
  readonly #kept: Kept[] = []
  /** Of each device, the states from which its undisturbed way is known to end well. */
  readonly #good: Set<number>[] = [new Set(), new Set()]

  get size(): number {
    return this.#kept.length
  }

  has(key: string): boolean {
    return this.#indexes.has(key)
  }

  add({ key, from, what, arrived }: Visit): number {
    this.#kept.push({ from, what, arrived, courses: [] })
    this.#indexes.set(key, this.#kept.length - 1)
    return this.#kept.length - 1
  }

  /** Notes where a device's undisturbed way goes on from a state; what was noted first counts. */
  course(index: number, device: number, key: string): void {
    const kept = this.#kept[index]
    if (kept !== undefined) kept.courses[device] ??= key
  }

  /** What happened on the way to a state. */
  storyOf(index: number): readonly string[] {
    const story: string[] = []
    for (let at = this.#kept[index]; at !== undefined; at = this.#kept[at.from]) story.unshift(at.what)
    return story
  }

  /** The first state from which a device does not arrive although nothing more goes wrong. */
  stuck(): Found | null {
    for (const [index, { arrived }] of this.#kept.entries())
      for (const device of arrived.keys())
        if (!this.#arrives(index, device))
          return { property: 'stuck', detail: `device ${device} does not become steady`, story: this.storyOf(index) }
    return null
  }

  #arrives(start: number, device: number): boolean {
    const good = this.#good[device] ?? new Set()
    const way = new Set<number>()
    for (let index: number | undefined = start; index !== undefined && !way.has(index); ) {
      const kept: Kept | undefined = this.#kept[index]
      way.add(index)
      if (kept?.arrived[device] === true || good.has(index)) {
        for (const passed of way) good.add(passed)
        return true
      }
      const next: string | undefined = kept?.courses[device]
      index = next === undefined ? undefined : this.#indexes.get(next)
    }
    return false
  }
}
