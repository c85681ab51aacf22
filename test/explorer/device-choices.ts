/** Everything that one device can do next, or have done to it. */
import type { FailureCode } from '../../agent/failure.ts'
import { aDayLater } from './canonical.ts'
import type { Choice, Parts } from './choices.ts'
import type { Decided } from './cloud.ts'
import type { Reacted } from './device.ts'
import { afterPowerCut, type Disk } from './disk.ts'
import type { Call } from './executor.ts'
import type { Reply, Slots, StoreCall, StoreEnd } from './store-calls.ts'
import { issuedIdOf, LINKS, NOW_MS, ROGUE, SCANS, SIGNED_TIME } from './values.ts'
import { type Device, type Request, type Scenario, type Violation, type World, withDevice } from './world.ts'

/** A device that was steady this long starts its backoff anew. */
const SETTLED_MS = 60_000

type Turn = { readonly world: World; readonly index: number; readonly device: Device; readonly nowMs: number }

export class DeviceChoices {
  readonly #parts: Parts
  readonly #scenario: Scenario

  constructor(parts: Parts, scenario: Scenario) {
    this.#parts = parts
    this.#scenario = scenario
  }

  /** All of them for the device at that place. */
  async from(world: World, index: number, device: Device): Promise<readonly Choice[]> {
    const choices: Choice[] = []
    for (const nowMs of device.state.phase === 'steady' ? [0, SETTLED_MS] : [0]) {
      const turn = { world, index, device, nowMs }
      choices.push(...(await this.#orders(turn)), ...(await this.#steps(turn)), ...(await this.#upsets(turn)))
    }
    return choices
  }

  async #orders(turn: Turn): Promise<readonly Choice[]> {
    const { order: open, cloud } = turn.world
    const { state } = turn.device
    const asking = state.phase === 'steady' ? this.#parts.values.nameOf(state.credential) : null
    const order = cloud === null || asking === null ? null : this.#parts.product.orderFor(cloud, issuedIdOf(asking), open, NOW_MS)
    const reacted = order === null ? null : await this.#parts.devices.findOrder(turn.device, order)
    return reacted === null ? [] : [this.#choice(turn, 'finds the order', 0, reacted, null)]
  }

  async #steps(turn: Turn): Promise<readonly Choice[]> {
    const waiting = await this.#parts.devices.waitsFor(turn.device)
    if (waiting === null) return []
    const { call, effect } = waiting
    switch (call.port) {
      case 'scan':
        return this.#scans(turn)
      case 'join':
        return this.#joins(turn, effect.do === 'join' && effect.bss.bssid === ROGUE.bssid, call)
      case 'join-plainly':
        return [
          await this.#reply(turn, 'joins', 0, { ok: true, value: LINKS.plain }),
          await this.#fail(turn, 'loses the join', 'ERR_WIFI_JOIN_TIMEOUT'),
        ]
      case 'time': {
        const known: Reply = { ok: true, value: SIGNED_TIME }
        return [await this.#reply(turn, 'hears the time', 0, known), await this.#fail(turn, 'loses the time', 'ERR_CLOUD_UNREACHABLE')]
      }
      case 'token':
        return this.#exchanges(turn, { ask: 'token', from: turn.index, by: call.by })
      case 'swap': {
        const { by, kind, nonce, orderId } = call
        return this.#exchanges(turn, { ask: 'swap', from: turn.index, by, kind, nonce, orderId })
      }
      case 'store':
        return this.#storeCalls(turn, call.call)
      case 'sleep':
        return this.#sleeps(turn, effect.do === 'keep-token')
      case 'order':
      case 'never':
        return []
    }
  }

  async #scans(turn: Turn): Promise<readonly Choice[]> {
    const found = (what: string, cost: 0 | 1, value: unknown) => this.#reply(turn, `finds ${what}`, cost, { ok: true, value })
    const choices = [
      await found('the hotspot', 0, this.#scenario.plain ? SCANS.plain : SCANS.honest),
      await found('no hotspot', 1, SCANS.none),
    ]
    if (!this.#scenario.rogue) return choices
    return [
      ...choices,
      await found('a rogue before the hotspot', 1, SCANS.rogueFirst),
      await found('a rogue after the hotspot', 1, SCANS.rogueLast),
    ]
  }

  async #joins(turn: Turn, atRogue: boolean, call: Extract<Call, { port: 'join' }>): Promise<readonly Choice[]> {
    const admitted = this.#parts.cloud.admits(turn.world.cloud, call.shown)
    const choices: Choice[] = []
    // Without the AAA server's key a rogue gets nobody in, and does not learn what was shown.
    if (atRogue) choices.push(await this.#fail(turn, 'is failed by the rogue', 'ERR_WIFI_EAP_FAILED', 0))
    else if (admitted) choices.push(await this.#reply(turn, 'joins', 0, { ok: true, value: LINKS[call.checkDates ? 'strict' : 'undated'] }))
    else choices.push(await this.#fail(turn, 'is refused by the AAA server', 'ERR_WIFI_EAP_REJECTED', 0))
    if (!atRogue) choices.push(await this.#fail(turn, 'loses the join', 'ERR_WIFI_JOIN_TIMEOUT'))
    if (!this.#scenario.rogue) return choices
    // A relay lets the true server prove itself and then forges the EAP-Failure, which nothing protects.
    choices.push(await this.#fail(turn, 'gets a forged EAP-Failure', 'ERR_WIFI_EAP_REJECTED'))
    if (call.checkDates) choices.push(await this.#fail(turn, 'is shown an expired certificate', 'ERR_WIFI_SERVER_DATES'))
    return choices
  }

  async #exchanges(turn: Turn, request: Request): Promise<readonly Choice[]> {
    const { world } = turn
    const asks = request.ask === 'token' ? `token by ${request.by ?? 'the temporary secret'}` : 'swap'
    const decided = this.#decide(world, request)
    const after = (what: string, base: World, cost: 0 | 1, reply: Reply, violation: Violation | null) =>
      this.#reply({ ...turn, world: base }, `${asks}: ${what}`, cost, reply, violation)
    const lost = this.#failure('ERR_CLOUD_UNREACHABLE')
    const choices = [
      await after('answered', decided.world, 0, decided.reply, decided.violation),
      await after('request lost', world, 1, lost, null),
      await after('answer lost', decided.world, 1, lost, decided.violation),
    ]
    if (world.network.length >= this.#scenario.networkRoom) return choices
    const late: World = { ...world, network: [...world.network, request] }
    const twice: World = { ...decided.world, network: [...world.network, request] }
    return [
      ...choices,
      await after('delayed', late, 1, lost, null),
      await after('answered, and on the way again', twice, 1, decided.reply, decided.violation),
    ]
  }

  async #storeCalls(turn: Turn, call: StoreCall): Promise<readonly Choice[]> {
    const { disk } = turn.device
    const result = await this.#parts.store.resultOf(
      disk,
      call,
      call.call === 'nonce' || call.call === 'key' ? this.#parts.canon.unused(turn.world) : 0,
    )
    const end = ({ what, disk: left, reply }: StoreEnd, cost: 0 | 1) =>
      this.#reply(
        { ...turn, device: { ...turn.device, disk: left } },
        `${call.call}: ${what}`,
        cost,
        reply,
        this.#deletion(turn, call, left),
      )
    const choices = [await end(result.done, 0)]
    if (this.#scenario.diskFaults) for (const fault of result.faults) choices.push(await end(fault, 1))
    return [...choices, ...result.cuts.map(({ what, disk: left }) => this.#restart(turn, `${call.call}: ${what}`, left))]
  }

  /** Only a newer secret replaces one on the disk, and none that the cloud accepts. */
  #deletion(turn: Turn, { call }: StoreCall, left: Disk): Violation | null {
    const secrets = ({ pending, current }: Slots): readonly string[] => [pending, current].filter((id) => id !== null)
    const kept = secrets(this.#parts.store.slotsOf(left))
    const lost = secrets(this.#parts.store.slotsOf(turn.device.disk)).filter((id) => !kept.includes(id))
    const accepted = lost.filter((id) => this.#parts.cloud.accepts(turn.world.cloud, id))
    if (lost.length === 0 || (accepted.length === 0 && (call === 'storePending' || call === 'promote'))) return null
    return { property: 'deleted', detail: `${call} took ${lost.join(', ')} off the disk of device ${turn.index}` }
  }

  async #sleeps(turn: Turn, renewal: boolean): Promise<readonly Choice[]> {
    const slept: Reply = { ok: true, value: undefined }
    if (renewal) return [await this.#reply(turn, 'asks for its next token', 0, slept)]
    const choices = [await this.#reply(turn, 'waits', 0, slept)]
    if (!turn.device.fellBack) return choices
    const rested = { ...turn, device: { ...turn.device, state: aDayLater(turn.device.state), fellBack: false } }
    return [...choices, await this.#reply(rested, 'waits for a day', 1, slept)]
  }

  /** What may happen to a device wherever it is. */
  async #upsets(turn: Turn): Promise<readonly Choice[]> {
    const { device } = turn
    const choices = [this.#restart(turn, 'is killed', device.disk)]
    const otherKinds = this.#scenario.kinds.filter((kind) => kind !== device.asksFor)
    choices.push(...otherKinds.map((kind) => this.#restart(turn, `is killed, and its config then asks for a ${kind}`, device.disk, kind)))
    const cuts = afterPowerCut(device.disk)
    if (device.disk.length > 1 || cuts.length > 1) choices.push(...cuts.map((left) => this.#restart(turn, 'has its power cut', left)))
    if (!device.effects.some((effect) => effect.do === 'watch-link')) return choices
    const failure = this.#failure('ERR_WIFI_LINK_LOST').failure.failure
    const reacted = await this.#parts.devices.react(device, { type: 'link-lost', failure }, turn.nowMs)
    choices.push(this.#choice(turn, 'loses its link', 1, reacted, null))
    return choices
  }

  #decide(world: World, request: Request): Decided {
    return this.#parts.cloud.decide(world, request)
  }

  #failure(code: FailureCode): Extract<Reply, { ok: false }> {
    return { ok: false, failure: this.#parts.values.failure(code) }
  }

  #fail(turn: Turn, what: string, code: FailureCode, cost: 0 | 1 = 1): Promise<Choice> {
    return this.#reply(turn, what, cost, this.#failure(code))
  }

  async #reply(turn: Turn, what: string, cost: 0 | 1, reply: Reply, violation: Violation | null = null): Promise<Choice> {
    return this.#choice(turn, what, cost, await this.#parts.devices.reply(turn.device, reply, turn.nowMs), violation)
  }

  #choice({ world, index }: Turn, what: string, cost: 0 | 1, reacted: Reacted, violation: Violation | null): Choice {
    const course = cost === 0 ? index : null
    return {
      what: `device ${index} ${what}`,
      cost,
      course,
      world: withDevice(world, index, reacted.device),
      violation: violation ?? reacted.violation,
    }
  }

  #restart({ world, index, device }: Turn, what: string, disk: Disk, asksFor = device.asksFor): Choice {
    const started = this.#parts.devices.start(disk, asksFor)
    return { what: `device ${index}: ${what}`, cost: 1, course: null, world: withDevice(world, index, started), violation: null }
  }
}
