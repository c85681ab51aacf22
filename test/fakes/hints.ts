import type { KnownHotspots } from '../../agent/ports.ts'

/** Known hotspots in memory; it passes the same suite as the hint file. */
export class FakeHints implements KnownHotspots {
  #known: readonly string[] = []

  async load(): Promise<readonly string[]> {
    return this.#known
  }

  async keep(known: readonly string[]): Promise<void> {
    this.#known = known
  }
}
