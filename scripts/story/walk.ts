/** Follows an agent's log along an expected way, and says at which step it left it. */
import type { PermanentKind } from '../../agent/credential/credential.ts'
import { fieldText, type LogEvent } from './agent-log.ts'

/** One expected step: an event, and what must be true of it. */
export type ExpectedStep = { readonly name: string; readonly event: string; readonly holds: (event: LogEvent) => boolean }

const step = (name: string, event: string, holds: ExpectedStep['holds'] = () => true): ExpectedStep => ({ name, event, holds })

const METHOD: Readonly<Record<PermanentKind, string>> = { secret: 'EAP-TTLS', certificate: 'EAP-TLS' }
const LABEL: Readonly<Record<PermanentKind, string>> = { secret: 's.', certificate: 'c.' }

const join = (name: string, method: string): ExpectedStep =>
  step(
    name,
    'joined',
    ({ fields }) =>
      fieldText(fields, 'address') !== '' &&
      fieldText(fields, 'eap', 'serverSubject') !== '' &&
      fieldText(fields, 'eap', 'method') === method,
  )
const token = (scope: string): ExpectedStep =>
  step(`Cloud API token of scope ${scope}`, 'authenticated', ({ fields }) => fieldText(fields, 'scope') === scope)
const issued = (name: string, kind: PermanentKind): ExpectedStep =>
  step(name, 'issued', ({ fields }) => fieldText(fields, 'credential').startsWith(LABEL[kind]))

/** From the provisioning key to the promoted secret or certificate. */
export const firstWalk = (kind: PermanentKind): readonly ExpectedStep[] => [
  step('credentials loaded', 'loaded'),
  step('scan', 'scanned'),
  join('first join, with the temporary secret', METHOD.secret),
  token('enrol'),
  issued(`permanent ${kind} issued`, kind),
  step(`permanent ${kind} stored`, 'stored'),
  step('second scan', 'scanned'),
  join(`second join, with the permanent ${kind}`, METHOD[kind]),
  token('device'),
  step('promotion', 'promoted', ({ to }) => to === 'steady'),
]

/** From power-on with a promoted credential to steady. */
export const walkAfterReboot = (kind: PermanentKind): readonly ExpectedStep[] => [
  step(
    `permanent ${kind} loaded`,
    'loaded',
    ({ fields }) => Array.isArray(fields.candidates) && String(fields.candidates[0]).startsWith(`current:${LABEL[kind]}`),
  ),
  step('scan', 'scanned'),
  join(`join, with the permanent ${kind}`, METHOD[kind]),
  step('steady again', 'authenticated', ({ to, fields }) => to === 'steady' && fieldText(fields, 'scope') === 'device'),
]

/** From the order to the promoted next one, of whichever kind the config asks for. */
export const rotationWalk = (kind: PermanentKind): readonly ExpectedStep[] => [
  step('order', 'ordered'),
  issued(`next ${kind} issued`, kind),
  step(`next ${kind} stored`, 'stored'),
  join(`join, with the next ${kind}`, METHOD[kind]),
  token('device'),
  step('promotion', 'promoted', ({ to }) => to === 'steady'),
]

/** What a walk came to. */
export type WalkResult = { readonly ok: true; readonly events: readonly LogEvent[] } | { readonly ok: false; readonly problem: string }

/** Follows the events until the way is walked, a step is not as it must be, or the deadline passes. */
export class Walk {
  readonly #steps: readonly ExpectedStep[]
  readonly #seen: LogEvent[] = []
  #next = 0
  #lastTrouble = ''
  #finish: (result: WalkResult) => void = () => {}
  readonly result: Promise<WalkResult>

  constructor(steps: readonly ExpectedStep[], deadlineMs: number) {
    this.#steps = steps
    this.result = new Promise((resolve) => {
      this.#finish = resolve
    })
    const timer = setTimeout(() => this.#fail(`did not come within ${deadlineMs / 1000} s${this.#lastTrouble}`), deadlineMs)
    void this.result.then(() => clearTimeout(timer))
  }

  /** Takes the next event of the agent; what comes between two expected steps (a retry, a wait) is no matter. */
  see(event: LogEvent): void {
    this.#seen.push(event)
    const expected = this.#steps[this.#next]
    if (event.event === 'failed' || event.event === 'link-lost') {
      this.#lastTrouble = `; the agent last said ${event.text} (${fieldText(event.fields, 'remedy')})`
    }
    if (event.to === 'halted') this.#fail(`the agent halted: ${event.text}`)
    else if (event.event === expected?.event && !expected.holds(event)) this.#fail(`it came, but not as it must be: ${event.text}`)
    else if (event.event === expected?.event) this.#advance()
  }

  #advance(): void {
    this.#next += 1
    if (this.#next === this.#steps.length) this.#finish({ ok: true, events: this.#seen })
  }

  #fail(problem: string): void {
    const name = this.#steps[this.#next]?.name ?? 'the end'
    this.#finish({ ok: false, problem: `step ${this.#next + 1} of ${this.#steps.length}, ${name}: ${problem}` })
  }
}
