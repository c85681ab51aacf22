/**
 * Follows one life of a device from outside: its log lines, and what the cloud has committed, each with the length that the state
 * disk's write log had when it was seen. A line is seen after it was written, so the log is then at least as long as it was; a
 * duty that begins there is never claimed too early. A state of the cloud is held for possible as soon as the request for it may
 * have left the device: not later than the join before it.
 */
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceName } from '../../../agent/contract/names.ts'
import { fieldText, type LogEvent } from '../../story/agent-log.ts'
import type { CloudState, CloudView } from './cloud-view.ts'
import type { CloudSpan, Duty, NonceDuty, Timeline } from './timeline.ts'

const SAMPLE_EVERY_MS = 5
/** Where no log line tells when a request may have left. */
const UNDER_WAY_MS = 250

type Sample = { readonly atMs: number; readonly bytes: number }
type Change = { readonly state: CloudState; readonly afterMs: number; readonly seenBytes: number }

/** Watches from `begin` to `end`. */
export class LifeWatch {
  readonly events: LogEvent[] = []
  readonly #view: CloudView
  readonly #name: DeviceName
  readonly #logFile: string
  readonly #samples: Sample[] = []
  readonly #changes: Change[] = []
  readonly #duties: Duty[] = []
  readonly #nonceDuties: NonceDuty[] = []
  #pendingLabel: string | null = null
  #sampling: Promise<void> = Promise.resolve()
  #ended = false

  constructor(view: CloudView, name: DeviceName, logFile: string) {
    this.#view = view
    this.#name = name
    this.#logFile = logFile
  }

  /** Begins; the cloud's state of this moment is in hand when it returns. */
  async begin(): Promise<void> {
    await this.#sample()
    this.#sampling = this.#sampleOn()
    // What goes wrong is told at the end of the watch.
    this.#sampling.catch(() => undefined)
  }

  /** Takes an event of the agent's log. */
  see(event: LogEvent): void {
    this.events.push(event)
    switch (event.event) {
      case 'loaded':
        for (const text of Array.isArray(event.fields.candidates) ? event.fields.candidates : []) this.#seeLoaded(String(text))
        break
      case 'issued':
        this.#pendingLabel = fieldText(event.fields, 'credential')
        this.#nonceDuties.push({ fromBytes: this.#bytes(), label: this.#pendingLabel })
        break
      case 'stored':
        this.#owe('stored', this.#pendingLabel, ['pending', 'current'])
        break
      case 'promoted':
        this.#owe('promoted', this.#pendingLabel, ['current'])
        break
    }
  }

  /** Ends the watch. */
  async end(): Promise<Timeline> {
    this.#ended = true
    await this.#sampling
    return { duties: this.#duties, nonceDuties: this.#nonceDuties, cloud: this.#spans() }
  }

  #seeLoaded(text: string): void {
    const [slot, label] = text.split(':')
    if (label === undefined) return
    if (slot === 'pending') {
      this.#pendingLabel = label
      this.#owe('loaded', label, ['pending', 'current'])
    }
    if (slot === 'current') this.#owe('loaded', label, ['current'])
  }

  #owe(event: string, label: string | null, slots: Duty['slots']): void {
    if (label === null) throw new Error(`the agent says "${event}" of a credential that it never told`)
    this.#duties.push({ fromBytes: this.#bytes(), event, label, slots })
  }

  #bytes(): number {
    return statSync(this.#logFile).size
  }

  async #sampleOn(): Promise<void> {
    while (!this.#ended) {
      await sleep(SAMPLE_EVERY_MS)
      await this.#sample()
    }
  }

  async #sample(): Promise<void> {
    const sample = { atMs: Date.now(), bytes: this.#bytes() }
    const state = await this.#view.stateOf(this.#name)
    const last = this.#changes.at(-1)
    if (last === undefined || JSON.stringify(last.state) !== JSON.stringify(state)) {
      this.#changes.push({ state, afterMs: this.#samples.at(-1)?.atMs ?? 0, seenBytes: this.#bytes() })
    }
    this.#samples.push(sample)
  }

  #spans(): readonly CloudSpan[] {
    return this.#changes.map(({ state, afterMs }, index) => ({
      state,
      fromBytes: index === 0 ? 0 : this.#bytesAt(this.#requestMs(afterMs)),
      toBytes: this.#changes[index + 1]?.seenBytes ?? Number.POSITIVE_INFINITY,
    }))
  }

  /** When the request that changed the cloud's state may have left the device, at the earliest. Its clock runs behind ours, never before. */
  #requestMs(afterMs: number): number {
    const join = this.events.findLast(({ event, timeMs }) => event === 'joined' && timeMs <= afterMs)
    return Math.min(afterMs - UNDER_WAY_MS, join?.timeMs ?? afterMs)
  }

  #bytesAt(atMs: number): number {
    return this.#samples.findLast((sample) => sample.atMs <= atMs)?.bytes ?? 0
  }
}
