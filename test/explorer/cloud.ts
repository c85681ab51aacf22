/** The cloud: one request, decided by the real rules in one transaction. A crash of the cloud is a request or an answer lost. */
import type { ProblemType } from '../../agent/contract/problems.ts'
import type { DeviceCredentials, IssuedId } from '../../cloud/rules/device-credentials.ts'
import type { Canon } from './canonical.ts'
import type { Product } from './product.ts'
import type { Reply } from './store-calls.ts'
import { certificateNameOf, issuedIdOf, NOW_MS, nameOf, PRESENTED, secretIdOf, type Values } from './values.ts'
import { currentOf, type Request, type Violation, type World } from './world.ts'

/** The world after a request, what was answered, and what should not have happened. */
export type Decided = { readonly world: World; readonly reply: Reply; readonly violation: Violation | null }

type SwapRequest = Extract<Request, { ask: 'swap' }>

const SHOWN = { nowMs: NOW_MS, madeMs: NOW_MS }

const enrolledDevices = (cloud: DeviceCredentials | null): number => (cloud === null ? 0 : 1)

export class Cloud {
  readonly #product: Product
  readonly #values: Values
  readonly #canon: Canon

  constructor(product: Product, values: Values, canon: Canon) {
    this.#product = product
    this.#values = values
    this.#canon = canon
  }

  /** Whether a hotspot lets a credential in; null stands for the temporary secret. */
  admits(cloud: DeviceCredentials | null, name: string | null): boolean {
    const presented = { ...PRESENTED, enrolledDevices: enrolledDevices(cloud) }
    const shown =
      name === null
        ? { id: { kind: 'temporary' as const, keyId: PRESENTED.key.keyId }, presented, nowMs: NOW_MS }
        : { id: issuedIdOf(name), presented: null, nowMs: NOW_MS }
    return this.#product.judgeAtHotspot(cloud, shown).good
  }

  /** Whether a credential opens a hotspot and the Cloud API. */
  accepts(cloud: DeviceCredentials | null, name: string | null): boolean {
    return this.admits(cloud, name) && this.#token(cloud, name).answer.granted
  }

  /** What the temporary secret is told. */
  saysToTemporary(cloud: DeviceCredentials | null): ProblemType | null {
    const { answer } = this.#token(cloud, null)
    return answer.granted ? null : answer.problem
  }

  /** Decides a request. */
  decide(world: World, request: Request): Decided {
    const decided = request.ask === 'token' ? this.#decideToken(world, request.by) : this.#decideSwap(world, request)
    const [before, after] = [currentOf(world.cloud), currentOf(decided.world.cloud)]
    if (before === after) return decided
    const proved = after === null ? world.proved : [...world.proved, after]
    const changed = { ...decided, world: { ...decided.world, proved } }
    const nonce = decided.world.cloud?.issued.find(({ id }) => nameOf(id) === after)?.nonce
    if (before === null || (nonce !== undefined && world.askers[nonce]?.ordered === true)) return changed
    return { ...changed, violation: { property: 'dethroned', detail: `${before} was current, and then without an order ${after}` } }
  }

  #token(cloud: DeviceCredentials | null, name: string | null) {
    if (name !== null) return this.#product.tokenByIssued(cloud, issuedIdOf(name), SHOWN)
    return this.#product.tokenByTemporary(cloud, { ...PRESENTED, enrolledDevices: enrolledDevices(cloud) }, SHOWN)
  }

  #decideToken(world: World, by: string | null): Decided {
    const { answer, device, events } = this.#token(world.cloud, by)
    const reply = answer.granted ? this.#says(this.#values.token(answer.scope, by)) : this.#refuses(answer.problem)
    const order = events.some(({ event }) => event === 'became-current') ? null : world.order
    return { world: { ...world, cloud: device ?? world.cloud, order }, reply, violation: null }
  }

  #decideSwap(world: World, request: SwapRequest): Decided {
    const { cloud } = world
    if (cloud === null) return { world, reply: this.#refuses('insufficient-scope'), violation: null }
    const { nonce, from, orderId } = request
    const verdict = this.#swap(world, cloud, request)
    const { answer } = verdict
    const reply = answer.issued ? this.#says(this.#values.issued(nameOf(answer.id))) : this.#refuses(answer.problem)
    const after: World = {
      ...world,
      cloud: verdict.device ?? cloud,
      askers: { [nonce]: { from, ordered: orderId !== null }, ...world.askers },
    }
    return { world: after, reply, violation: supersededOwn(world, after, request) }
  }

  #swap(world: World, cloud: DeviceCredentials, { kind, nonce, by, orderId }: SwapRequest) {
    const nextId = (): IssuedId => {
      const number = this.#canon.unused(world)
      return issuedIdOf(kind === 'issued' ? secretIdOf(number) : certificateNameOf(number, nonce))
    }
    if (by === null) {
      const presented = { ...PRESENTED, enrolledDevices: enrolledDevices(cloud) }
      return this.#product.requestCredential(cloud, { presented, kind, nonce, nextId })
    }
    const order = { order: orderId, openOrder: world.order, nowMs: NOW_MS }
    return this.#product.requestRotation(cloud, { credentialId: issuedIdOf(by), ...order, kind, nonce, nextId })
  }

  #says(value: unknown): Reply {
    return { ok: true, value }
  }

  #refuses(problem: ProblemType): Reply {
    const text = JSON.stringify({ type: this.#product.problemUri(problem) })
    const answer = { status: 400, contentType: 'application/problem+json', text, retryAfter: null, date: null }
    return { ok: false, failure: this.#product.refusal('asking', answer, NOW_MS) }
  }
}

/** A device that asks again repeats its nonce: it never makes its own unused answer worthless, unless its config now asks for another kind. */
function supersededOwn(before: World, after: World, { from, kind }: SwapRequest): Violation | null {
  if (from === 'thief') return null
  const own = before.cloud?.issued.find(({ state, nonce }) => state === 'pending' && before.askers[nonce]?.from === from)
  if (own === undefined || own.id.kind !== kind) return null
  const name = nameOf(own.id)
  const now = after.cloud?.issued.find(({ nonce }) => nonce === own.nonce)
  const isKept = (record: typeof now): boolean => record !== undefined && nameOf(record.id) === name
  if (now?.state === 'pending' && isKept(now) && isKept(after.cloud?.issued.at(-1))) return null
  return { property: 'asked-anew', detail: `device ${from} asked again and got another credential than ${name}` }
}
