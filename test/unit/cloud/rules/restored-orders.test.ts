/**
 * One device, a thief who holds everything that the device once held and replaced, and a cloud that is put back to a backup: every order
 * of what they may do, over the real rules. What really happened is kept beside what the cloud knows.
 */
import { expect, test } from 'vitest'
import {
  type CredentialEvent,
  type DeviceCredentials,
  type IssuedId,
  type IssuedRecord,
  issuedName,
  type Verdict,
} from '../../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../../cloud/rules/enrolment.ts'
import { FIRST_PLACE, type Place, placeOfNumber } from '../../../../cloud/rules/place.ts'
import { afterWaiting, enrolledAfterRestore, tokenByShown, withUsed } from '../../../../cloud/rules/recovery.ts'
import { requestRotation } from '../../../../cloud/rules/rotation.ts'
import { requestCredential, type SwapVerdict } from '../../../../cloud/rules/swap.ts'
import { type TokenVerdict, tokenByTemporary } from '../../../../cloud/rules/token.ts'

const KEY = { keyId: 'line-7', retired: false, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: null }
const UNTIL_MS = 1000
// Long after any promotion, so that nothing that is shown was on the way.
const MADE_MS = 1_000_000

/** How often the device asks for another credential, the thief does, a backup is taken and put back. */
type Bounds = { readonly generations: number; readonly thefts: number; readonly backups: number; readonly restores: number }

type World = {
  /** What the cloud knows, and what it knew when the backup was taken; undefined before. */
  readonly device: DeviceCredentials | null
  readonly backup: DeviceCredentials | null | undefined
  readonly phase: 'before' | 'window' | 'after'
  /** What is on the device besides its temporary secret, the newest first, and how often it asked. */
  readonly held: readonly string[]
  readonly asked: number
  /** What the device has replaced, and what was issued to the thief. */
  readonly stolen: readonly string[]
  /** Whether the device was accepted since the restore. */
  readonly back: boolean
  readonly most: Bounds
  /** What the store keeps beside each issued credential. */
  readonly ranks: Readonly<Record<string, number>>
  readonly backups: number
  readonly restores: number
  readonly conflicts: number
}

const startOf = (most: Bounds): World => ({
  ...{ most, backups: 0, restores: 0, ranks: {} },
  ...{ device: null, backup: undefined, phase: 'before', held: [], asked: 0, stolen: [], back: false, conflicts: 0 },
})

const TEMPORARY = 't'
const idOf = (name: string): IssuedId => ({ kind: 'issued', secretId: name })
/** A name says its place, as a real secret id does. */
const placeOf = (name: string): Place => placeOfNumber(Number(/^g([0-9]+)/.exec(name)?.[1]))

const nowOf = ({ phase }: World): number => (phase === 'after' ? UNTIL_MS : 0)
const presented = (world: World): TemporaryPresented => ({ deviceId: 'SN-1', key: KEY, enrolledDevices: 0, nowMs: nowOf(world) })

function token(world: World, name: string): Verdict<TokenVerdict> {
  const { device, phase } = world
  const shown = { nowMs: nowOf(world), madeMs: MADE_MS }
  if (name !== TEMPORARY) return tokenByShown(device, { id: idOf(name), place: placeOf(name) }, shown)
  const verdict = tokenByTemporary(device, presented(world), shown)
  const enrolled = device === null ? enrolledAfterRestore(verdict, phase === 'before' ? null : UNTIL_MS) : verdict
  return afterWaiting(enrolled, device, { kind: 'temporary', keyId: KEY.keyId }, shown.nowMs)
}

function swap(world: World, by: string, nonce: string): Verdict<SwapVerdict> | null {
  const { device } = world
  if (device === null || !token(world, by).answer.granted) return null
  const nextId = (number: number): IssuedId => idOf(`g${number}-${nonce}`)
  if (by === TEMPORARY) return requestCredential(device, { presented: presented(world), kind: 'issued', nonce, nextId })
  const order = { order: 'o', openOrder: 'o', nowMs: nowOf(world) }
  return requestRotation(withUsed(device, idOf(by)), { credentialId: idOf(by), ...order, kind: 'issued', nonce, nextId })
}

function learn(world: World, { device, events }: Verdict<unknown>): World {
  // The freeze, which an operator would lift, is not what is explored here.
  const thawed = device === null ? null : { ...device, frozenMs: null, promotedMs: null }
  const conflicts = world.conflicts + events.filter(({ event }: CredentialEvent) => event === 'line-conflict').length
  const ranks = { ...world.ranks }
  for (const { id } of thawed?.issued ?? []) ranks[issuedName(id)] ??= placeOf(issuedName(id)).rank
  return { ...world, device: thawed, ranks, conflicts }
}

/** The device shows a credential that it holds; what it promotes by that replaces the others. */
function deviceShows(world: World, name: string): World {
  const verdict = token(world, name)
  const after = learn(world, verdict)
  if (!verdict.answer.granted) return after
  const back = world.back || (world.phase !== 'before' && name === (world.held[0] ?? TEMPORARY))
  if (name === TEMPORARY) return { ...after, back }
  const replaced = world.held.filter((each) => each !== name && world.held.indexOf(each) > world.held.indexOf(name))
  const stolen = [...new Set([...world.stolen, TEMPORARY, ...replaced])].sort()
  return { ...after, back, held: world.held.filter((each) => !replaced.includes(each)), stolen }
}

/** The device asks for the next credential and, unless the answer is lost, stores it beside the one it has. */
function deviceAsks(world: World, isLost: boolean): World | null {
  const by = world.held[0] ?? TEMPORARY
  if (world.held.length > 1 || world.asked === world.most.generations) return null
  const verdict = swap(world, by, `d${world.asked}`)
  if (verdict === null || !verdict.answer.issued) return null
  if (isLost) return learn(world, verdict)
  return { ...learn(world, verdict), asked: world.asked + 1, held: [issuedName(verdict.answer.id), ...world.held] }
}

function thiefAsks(world: World, by: string): World | null {
  const own = world.stolen.filter((name) => name.includes('-t')).length
  if (own === world.most.thefts) return null
  const verdict = swap(world, by, `t${own}`)
  if (verdict === null || !verdict.answer.issued) return null
  return { ...learn(world, verdict), stolen: [...world.stolen, issuedName(verdict.answer.id)].sort() }
}

/** As the store marks it (store/restores.ts). */
function keptOf(backup: DeviceCredentials, record: IssuedRecord, ranks: World['ranks']) {
  const rank = ranks[issuedName(record.id)] ?? record.generation
  const { recovery } = backup
  const isGood = record.state === 'pending' || record.state === 'current'
  const couldReturn =
    recovery !== null &&
    record.state === 'superseded' &&
    recovery.inBackup.get(issuedName(record.id))?.was === 'good' &&
    (rank > recovery.shown.rank || (rank === recovery.shown.rank && record.generation > recovery.shown.generation))
  return { was: isGood || couldReturn ? ('good' as const) : ('ended' as const), rank }
}

function restore(world: World): World | null {
  const { backup, phase, restores } = world
  if (backup === undefined || phase === 'window' || restores === world.most.restores) return null
  const inBackup = new Map(backup?.issued.map((record) => [issuedName(record.id), keptOf(backup, record, world.ranks)]) ?? [])
  const device = backup === null ? null : { ...backup, recovery: { untilMs: UNTIL_MS, shown: FIRST_PLACE, inBackup } }
  return { ...world, device, phase: 'window', back: false, restores: restores + 1, conflicts: 0 }
}

function* reachable(world: World): Generator<World | null> {
  for (const name of [...world.held, TEMPORARY]) yield deviceShows(world, name)
  yield deviceAsks(world, false)
  yield deviceAsks(world, true)
  if (world.backups < world.most.backups) yield { ...world, backup: world.device, backups: world.backups + 1 }
  yield restore(world)
  if (world.phase === 'window') yield { ...world, phase: 'after' }
  for (const name of world.stolen) {
    yield thiefShows(world, name)
    yield thiefAsks(world, name)
  }
}

function thiefShows(world: World, name: string): World {
  const verdict = token(world, name)
  if (verdict.answer.granted) checkThief(world, name)
  return learn(world, verdict)
}

/** When the thief is granted anything at all: only after a restore, and only until the device was there. */
function checkThief(world: World, name: string): void {
  expect(world.phase, `${name} was granted`).not.toBe('before')
  expect(world.back, `${name} was granted after the device had come back: ${JSON.stringify(world)}`).toBe(false)
  const isOfTheBackup = name === TEMPORARY || world.device?.recovery?.inBackup.has(name) === true
  // Within the window nothing helps that the backup knows; what was issued and replaced in the lost time does, until the device comes.
  if (world.phase === 'window') expect(isOfTheBackup, `${name} was granted within the window`).toBe(false)
}

function checkDevice(world: World): void {
  const { device } = world
  const names = world.held.length === 0 ? [TEMPORARY] : world.held
  const outcomes = names.map((name) => token(world, name).answer)
  const isGood = (answer: TokenVerdict): boolean => answer.granted || (world.phase === 'window' && answer.problem === 'unavailable')
  expect(outcomes.some(isGood), `locked out: ${JSON.stringify(world)}`).toBe(true)
  const states = device?.issued.map(({ state }) => state) ?? []
  expect(states.filter((state) => state === 'current').length).toBeLessThanOrEqual(1)
  expect(states.filter((state) => state === 'pending').length).toBeLessThanOrEqual(1)
  expect(new Set(device?.issued.map(({ generation }) => generation)).size).toBe(states.length)
}

const keyOf = ({ device, ...rest }: World): string => JSON.stringify([device, [...(device?.recovery?.inBackup ?? [])], rest])

test.each([
  ['one restore', { generations: 3, thefts: 2, backups: 1, restores: 1 }],
  ['two restores of one backup', { generations: 2, thefts: 1, backups: 1, restores: 2 }],
  ['two backups and two restores', { generations: 2, thefts: 1, backups: 2, restores: 2 }],
])('with %s the device is never locked out, and the thief is thrown out when it comes back', { timeout: 60_000 }, (_, most) => {
  const start = startOf(most)
  const seen = new Set<string>([keyOf(start)])
  let frontier: readonly World[] = [start]
  let conflicts = 0
  while (frontier.length > 0) {
    const next: World[] = []
    for (const world of frontier) {
      for (const reached of reachable(world)) {
        if (reached === null || seen.has(keyOf(reached))) continue
        seen.add(keyOf(reached))
        checkDevice(reached)
        conflicts += reached.conflicts > world.conflicts ? 1 : 0
        next.push(reached)
      }
    }
    frontier = next
  }
  expect(seen.size).toBeGreaterThan(1000)
  expect(conflicts).toBeGreaterThan(0)
})
