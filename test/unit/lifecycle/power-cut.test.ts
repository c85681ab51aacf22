import { describe, expect, it } from 'vitest'
import { credentialLabel } from '../../../agent/credential/credential.ts'
import type { Effect, State } from '../../../agent/lifecycle/state.ts'
import { START, transition } from '../../../agent/lifecycle/transition.ts'
import { temporary } from './samples.ts'
import { type Fate, type StepEffect, World } from './world.ts'

type Cut = { readonly at: number; readonly when: 'before' | 'after' }
type Ride = { readonly state: State; readonly effects: number }

const MOST_EFFECTS = 600

const stepOf = (world: World, effects: readonly Effect[]): StepEffect | undefined =>
  effects.find((effect): effect is StepEffect => {
    if (effect.do === 'watch-orders') return world.order !== null
    return effect.do !== 'watch-link' && effect.do !== 'watch-radio' && effect.do !== 'keep-token'
  })

/** One life of the device: from power-on until it is steady, or until the power is cut before or after the n-th effect. */
function live(world: World, cut: Cut | null = null, meanwhile: (done: number) => void = () => {}): Ride {
  let [state, ...effects] = START
  let nowMs = 0
  let done = 0
  while (done < MOST_EFFECTS) {
    const effect = stepOf(world, effects)
    if (effect === undefined) return { state, effects: done }
    meanwhile(done)
    if (cut?.at === done && cut.when === 'before') return { state, effects: done }
    const event = world.act(effect)
    expect(world.holdsInvariant(), `something on the device is accepted after ${effect.do}`).toBe(true)
    if (cut?.at === done && cut.when === 'after') return { state, effects: done }
    done += 1
    nowMs += effect.do === 'wait' ? 30_000 : 1_000
    const [next, ...more] = transition(state, event, nowMs)
    state = next
    effects = more
  }
  return { state, effects: done }
}

function expectSteady(world: World, ride: Ride, story: string): void {
  expect(ride.state.phase, story).toBe('steady')
  if (ride.state.phase !== 'steady') return
  expect(world.accepts(ride.state.credential), `${story}: the cloud accepts the credential`).toBe(true)
  expect(credentialLabel(ride.state.credential), story).toBe(`s.${world.currentSecretId}`)
  expect(world.accepts(temporary), `${story}: the temporary secret is superseded`).toBe(false)
}

/** A small deterministic generator, so that a failing run can be repeated. */
function lottery(seed: number): () => number {
  let x = seed
  return () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    return x / 2 ** 32
  }
}

const FATES: readonly Fate[] = ['request-lost', 'answer-lost', 'forged-failure']

describe('a device whose power is cut', () => {
  it('walks the whole way when nothing goes wrong', () => {
    const world = new World()
    const ride = live(world)
    expectSteady(world, ride, 'undisturbed')
    expect(ride.effects).toBe(11)
    expect(world.disk.pending).toBeNull()
  })

  it('ends steady after a cut before or after any effect, and after any second cut', () => {
    const whole = live(new World()).effects
    let cases = 0
    for (let first = 0; first < whole; first++)
      for (let second = 0; second < whole; second++)
        for (const when of ['before', 'after'] as const)
          for (const whenAgain of ['before', 'after'] as const) {
            const world = new World()
            live(world, { at: first, when })
            live(world, { at: second, when: whenAgain })
            expectSteady(world, live(world), `cut ${when} ${first}, then ${whenAgain} ${second}`)
            cases += 1
          }
    expect(cases).toBe(4 * whole * whole)
  })

  it('ends steady through every single lost message or forged failure, with a cut at every effect', () => {
    const whole = live(new World()).effects
    let cases = 0
    for (let exchange = 0; exchange < 8; exchange++)
      for (const fate of FATES)
        for (let at = 0; at < whole + 4; at++)
          for (const when of ['before', 'after'] as const) {
            const world = new World((n) => (n === exchange ? fate : 'ok'))
            live(world, { at, when })
            expectSteady(world, live(world), `${fate} at exchange ${exchange}, cut ${when} ${at}`)
            cases += 1
          }
    expect(cases).toBe(8 * 3 * (whole + 4) * 2)
  })

  it('ends steady through 5,000 random lives of a bad network, a rogue hotspot and power cuts', () => {
    for (let seed = 1; seed <= 5_000; seed++) {
      const draw = lottery(seed)
      const badness = draw() * 0.7
      const fates = Array.from({ length: 60 }, (): Fate => (draw() < badness ? (FATES[Math.floor(draw() * FATES.length)] ?? 'ok') : 'ok'))
      const world = new World((n) => fates[n] ?? 'ok')
      for (let cuts = Math.floor(draw() * 5); cuts > 0; cuts--)
        live(world, { at: Math.floor(draw() * 25), when: draw() < 0.5 ? 'before' : 'after' })
      expectSteady(world, live(world), `seed ${seed}`)
    }
  })

  it('ends steady although a thief with its temporary secret supersedes its answer at any moment, cut or not', () => {
    const whole = live(new World()).effects
    let refusals = 0
    for (let moment = 0; moment < whole - 2; moment++)
      for (let at = 0; at <= whole; at++) {
        const world = new World()
        const thief = (done: number): void => {
          if (done === moment) world.thiefAsks()
        }
        const first = live(world, { at, when: 'after' }, thief)
        const ride = first.state.phase === 'steady' ? first : live(world)
        expectSteady(world, ride, `thief at ${moment}, cut after ${at}`)
        if (first.effects + ride.effects > whole) refusals += 1
      }
    expect(refusals).toBeGreaterThan(0)
  })

  it('rotates on an order through any cut, any lost message and any forged failure, and ends with the new secret', () => {
    let cases = 0
    for (let at = 0; at < 14; at++)
      for (const when of ['before', 'after'] as const)
        for (let exchange = 0; exchange < 8; exchange++)
          for (const fate of ['ok', ...FATES] as const) {
            let armed = Number.POSITIVE_INFINITY
            const world = new World((n) => (n === armed + exchange ? fate : 'ok'))
            live(world)
            const first = world.currentSecretId
            armed = world.exchanges
            world.order = 'order-1'
            live(world, { at, when })
            const story = `${fate} at exchange ${exchange} of the rotation, cut ${when} ${at}`
            expectSteady(world, live(world), story)
            expect(world.order, story).toBeNull()
            expect(world.currentSecretId, story).not.toBe(first)
            cases += 1
          }
    expect(cases).toBe(14 * 2 * 8 * 4)
  })

  it('never shows the temporary secret again once a permanent one was promoted, whatever gets lost', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const draw = lottery(seed)
      const world = new World()
      live(world)
      const lossy = new World((n) => (n < 40 && draw() < 0.6 ? 'request-lost' : 'ok'))
      Object.assign(lossy.disk, world.disk)
      lossy.cloud = world.cloud
      let [state, ...effects] = START
      for (let done = 0; done < MOST_EFFECTS && state.phase !== 'steady'; done++) {
        const effect = stepOf(world, effects)
        if (effect === undefined) break
        if (effect.do === 'join') expect(effect.candidate.slot, `seed ${seed}`).toBe('current')
        const [next, ...more] = transition(state, lossy.act(effect), done * 60_000)
        state = next
        effects = more
      }
      expect(state.phase).toBe('steady')
    }
  })
})
