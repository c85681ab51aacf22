/**
 * A million devices lose the cloud together, and it comes back: they all call within a second.
 *
 * Devices wait by the agent's own backoff. The cloud is one process as its event loop works: in each turn it accepts what the kernel
 * queued, does the handshakes, and answers the requests that came since the last turn, as many of them as the cloud's own gate lets
 * in; a turn takes as long as its work. What finds the kernel's queue full is tried again by TCP.
 */
import { backoffMs } from '../../../agent/lifecycle/backoff.ts'
import { ApiProblem } from '../../../cloud/api-problem.ts'
import { Places } from '../../../cloud/http/admission.ts'
import { createLottery } from '../../lottery.ts'
import { Calendar } from './calendar.ts'
import { Fifo } from './fifo.ts'
import type { Course, Scenario } from './scenario.ts'

/** As many SYNs as a link of a gigabit brings in a second. */
const ALL_CALL_WITHIN_MS = 1000
/** Node's listen(2) asks for no more. */
const KERNEL_QUEUE = 511
/** When Linux sends a SYN again that nobody answered (RFC 6298: 1 s, doubled). */
const SYN_AGAIN_MS = [1000, 3000, 7000] as const
/** From the end of the handshake until the request is there. */
const ROUND_TRIP_MS = 50

/** One call of a device; a device that gave up is on another. */
type Call = { readonly device: number; readonly serial: number }

/** Runs until all are back, or the horizon is reached. */
export function simulate(scenario: Scenario): Course {
  return new Blackout(scenario).run()
}

class Blackout {
  readonly #scenario: Scenario
  readonly #chance: () => number
  readonly #places: Places
  readonly #calendar: Calendar
  readonly #attempts: Uint16Array
  readonly #serials: Uint32Array
  readonly #begunMs: Float64Array
  readonly #syns: Uint8Array
  readonly #deadlines = new Fifo<Call & { readonly atMs: number }>()
  readonly #kernel = new Fifo<Call>()
  readonly #requests = new Fifo<Call & { readonly atMs: number }>()
  #connections = 0
  #nowMs = 0
  readonly #begun: number[] = []
  readonly #out: number[] = []
  readonly #backMs: Float64Array
  #back = 0
  #refused = 0
  #timedOut = 0

  constructor(scenario: Scenario) {
    const { devices, seed, requestsAtOnce } = scenario
    this.#scenario = scenario
    this.#chance = createLottery(seed)
    this.#places = new Places(requestsAtOnce, () => this.#nowMs, this.#chance)
    this.#calendar = new Calendar(devices)
    this.#attempts = new Uint16Array(devices)
    this.#serials = new Uint32Array(devices)
    this.#begunMs = new Float64Array(devices)
    this.#syns = new Uint8Array(devices)
    this.#backMs = new Float64Array(devices).fill(Number.POSITIVE_INFINITY)
  }

  run(): Course {
    const { devices, horizonMs } = this.#scenario
    for (let device = 0; device < devices; device += 1) this.#calendar.add(device, this.#chance() * ALL_CALL_WITHIN_MS)
    while (this.#back < devices && this.#nowMs < horizonMs) {
      this.#letTimePass()
      if (this.#kernel.length > 0 || this.#isRequestThere()) this.#turn()
      else this.#nowMs = this.#nextMs()
    }
    this.#countOut()
    const begun = Array.from(this.#begun, (count) => count ?? 0)
    return { begun, out: this.#out, backMs: this.#backMs, refused: this.#refused, timedOut: this.#timedOut }
  }

  #isRequestThere(): boolean {
    return (this.#requests.first()?.atMs ?? Number.POSITIVE_INFINITY) <= this.#nowMs
  }

  #nextMs(): number {
    const later = [this.#calendar.nextMs(), this.#requests.first()?.atMs, this.#deadlines.first()?.atMs]
    return Math.min(...later.filter((ms) => typeof ms === 'number'))
  }

  #letTimePass(): void {
    this.#calendar.due(this.#nowMs, (device, dueMs) => this.#knock(device, dueMs))
    for (let next = this.#deadlines.first(); next !== undefined && next.atMs <= this.#nowMs; next = this.#deadlines.first()) {
      this.#deadlines.shift()
      if (!this.#isWaiting(next)) continue
      this.#timedOut += 1
      this.#fail(next.device, next.atMs, 0)
    }
  }

  /** Whether the device still waits for the answer to this call. */
  #isWaiting({ device, serial }: Call): boolean {
    return this.#serials[device] === serial
  }

  #knock(device: number, dueMs: number): void {
    const syns = this.#syns[device] ?? 0
    if (syns === 0) this.#begin(device, dueMs)
    const serial = this.#serials[device] ?? 0
    if (this.#kernel.length < KERNEL_QUEUE) {
      this.#kernel.push({ device, serial })
      return
    }
    const againMs = SYN_AGAIN_MS[syns]
    this.#syns[device] = syns + 1
    if (againMs !== undefined) this.#calendar.add(device, (this.#begunMs[device] ?? 0) + againMs)
  }

  #begin(device: number, nowMs: number): void {
    this.#begunMs[device] = nowMs
    const second = Math.floor(nowMs / 1000)
    this.#begun[second] = (this.#begun[second] ?? 0) + 1
    this.#deadlines.push({ device, serial: this.#serials[device] ?? 0, atMs: nowMs + this.#scenario.callMs })
  }

  #fail(device: number, nowMs: number, atLeastMs: number): void {
    const attempt = (this.#attempts[device] ?? 0) + 1
    this.#attempts[device] = attempt
    this.#end(device)
    this.#syns[device] = 0
    const random = this.#scenario.isJittered ? this.#chance() : 1
    this.#calendar.add(device, nowMs + backoffMs(attempt, atLeastMs, this.#scenario.limits, random))
  }

  #end(device: number): void {
    this.#serials[device] = (this.#serials[device] ?? 0) + 1
  }

  /** One turn of the event loop: what arrived is accepted and asked, and all who were let in are answered after one commit. */
  #turn(): void {
    this.#accept()
    const entered: { readonly call: Call; readonly takenMs: number }[] = []
    while (this.#isRequestThere()) {
      const call = this.#requests.shift()
      if (call === undefined) break
      const takenMs = this.#ask(call)
      if (takenMs !== null) entered.push({ call, takenMs })
    }
    this.#nowMs += entered.length * this.#scenario.times.tokenMs
    for (const { call, takenMs } of entered) {
      this.#places.answered(takenMs)
      if (this.#isWaiting(call) && this.#nowMs - (this.#begunMs[call.device] ?? 0) <= this.#scenario.callMs) this.#welcome(call.device)
    }
  }

  #accept(): void {
    const { times, connections } = this.#scenario
    for (let call = this.#kernel.shift(); call !== undefined; call = this.#kernel.shift()) {
      if (this.#connections >= connections) {
        this.#nowMs += times.dropMs
        if (this.#isWaiting(call)) this.#fail(call.device, this.#nowMs, 0)
        continue
      }
      this.#connections += 1
      this.#nowMs += times.handshakeMs
      this.#requests.push({ ...call, atMs: this.#nowMs + ROUND_TRIP_MS })
    }
  }

  /** Gives the moment when a request was let in; null where it was sent away, or nobody waits for its answer any more. */
  #ask(call: Call): number | null {
    this.#connections -= 1
    // Who gave up has closed the connection, and the request never came.
    if (!this.#isWaiting(call)) return null
    try {
      return this.#places.take('public')
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      this.#nowMs += this.#scenario.times.refusalMs
      this.#refused += 1
      this.#fail(call.device, this.#nowMs, (error.retryAfterS ?? 0) * 1000)
      return null
    }
  }

  #welcome(device: number): void {
    this.#end(device)
    this.#countOut()
    this.#backMs[this.#back] = this.#nowMs
    this.#back += 1
  }

  /** Says of each second that has ended how many were out then. */
  #countOut(): void {
    for (let second = this.#out.length; (second + 1) * 1000 <= this.#nowMs; second += 1) this.#out.push(this.#scenario.devices - this.#back)
  }
}
