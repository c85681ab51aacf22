import { describe, expect, test } from 'vitest'
import {
  type DeviceCredentials,
  type IssuedId,
  issuedName,
  NO_CREDENTIALS,
  type Verdict,
} from '../../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../../cloud/rules/enrolment.ts'
import { judgeAtHotspot } from '../../../../cloud/rules/hotspot.ts'
import { requestCredential } from '../../../../cloud/rules/swap.ts'
import { tokenByFlashed, tokenByIssued, tokenByTemporary } from '../../../../cloud/rules/token.ts'

const key = { keyId: 'line-7', retired: false, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: null }
// A device may ask for a secret by one nonce and for a certificate by another.
const secret = (secretId: string): IssuedId => ({ kind: 'issued', secretId })
const certificate = (fingerprint: string): IssuedId => ({ kind: 'certificate', fingerprint })

const SHOWN = { nowMs: 0, madeMs: 0 }
const presented: TemporaryPresented = { deviceId: 'SN-1', key, enrolledDevices: 0, nowMs: 0 }

/** The cloud's side, what was handed out so far, and which secret was answered last. */
type World = { readonly device: DeviceCredentials | null; readonly answered: readonly string[]; readonly ended: ReadonlySet<string> }

const ACTIONS = ['temporary', 'flashed', 'nonce-a', 'nonce-b', 'nonce-c', 'token-1', 'token-2', 'token-3'] as const
type Action = (typeof ACTIONS)[number]

const idCalled = (device: DeviceCredentials | null, name: string): IssuedId =>
  device?.issued.find(({ id }) => issuedName(id) === name)?.id ?? secret(name)

function act(world: World, action: Action): World {
  const { device } = world
  switch (action) {
    case 'temporary':
      return afterToken(world, 't', tokenByTemporary(device, presented, SHOWN))
    case 'flashed':
      return afterToken(world, 'flashed', tokenByFlashed(device, SHOWN))
    case 'nonce-a':
    case 'nonce-b':
    case 'nonce-c': {
      if (device === null) return world
      const name = action === 'nonce-b' ? certificate : secret
      const { kind } = name('')
      const verdict = requestCredential(device, { presented, kind, nonce: action, nextId: (generation) => name(`id-${generation}`) })
      const { answer } = verdict
      const answered = answer.issued
        ? [...world.answered.filter((id) => id !== issuedName(answer.id)), issuedName(answer.id)]
        : world.answered
      return { ...world, device: verdict.device, answered }
    }
    case 'token-1':
    case 'token-2':
    case 'token-3': {
      const id = `id-${action.slice(-1)}`
      return afterToken(world, id, tokenByIssued(device, idCalled(device, id), SHOWN))
    }
  }
}

function afterToken(world: World, credential: string, verdict: Verdict<{ readonly granted: boolean }>): World {
  const { granted } = verdict.answer
  if (granted) expect(world.ended).not.toContain(credential)
  // What somebody was handed and was refused once is refused for ever.
  const wasHandedOut = credential === 't' || world.answered.includes(credential)
  const ended = !granted && wasHandedOut ? new Set([...world.ended, credential]) : world.ended
  return { ...world, device: verdict.device, ended }
}

const states = (device: DeviceCredentials, state: string) => device.issued.filter((record) => record.state === state)

function check({ device, answered }: World): void {
  if (device === null) return
  expect(states(device, 'pending').length).toBeLessThanOrEqual(1)
  expect(states(device, 'current').length).toBeLessThanOrEqual(1)
  expect(new Set(device.issued.map(({ generation }) => generation)).size).toBe(device.issued.length)
  const hasCurrent = states(device, 'current').length === 1
  if (hasCurrent) expect(device.temporary.state).not.toBe('open')
  if (hasCurrent) expect(device.flashed).not.toBe('good')
  // A device keeps its temporary secret and the last answer that it stored: one of the two is good, at the API and at hotspots.
  const temporary = tokenByTemporary(device, presented, SHOWN).answer.granted
  const last = answered.at(-1)
  const issued = last !== undefined && tokenByIssued(device, idCalled(device, last), SHOWN).answer.granted
  expect(temporary || issued).toBe(true)
  expect(judgeAtHotspot(device, { id: { kind: 'temporary', keyId: 'line-7' }, presented, nowMs: 0 }).good).toBe(temporary)
  if (last !== undefined) expect(judgeAtHotspot(device, { id: idCalled(device, last), presented: null, nowMs: 0 }).good).toBe(issued)
}

const worldKey = ({ device, answered, ended }: World): string => JSON.stringify([device, answered, [...ended].sort()])

function explore(start: World): number {
  const seen = new Set([worldKey(start)])
  let frontier: readonly World[] = [start]
  while (frontier.length > 0) {
    const next: World[] = []
    for (const world of frontier) {
      for (const action of ACTIONS) {
        const reached = act(world, action)
        if (seen.has(worldKey(reached))) continue
        seen.add(worldKey(reached))
        check(reached)
        next.push(reached)
      }
    }
    frontier = next
  }
  return seen.size
}

describe('in every order of tokens and swaps', () => {
  test('a device from a provisioning key always has a credential that is accepted, and what ended stays ended', () => {
    expect(explore({ device: null, answered: [], ended: new Set() })).toBeGreaterThan(100)
  })

  test('so has one with a flashed secret that was opened for a provisioning key as well', () => {
    const device: DeviceCredentials = { ...NO_CREDENTIALS, temporary: { state: 'open', keyId: 'line-7' }, flashed: 'good' }
    expect(explore({ device, answered: [], ended: new Set() })).toBeGreaterThan(100)
  })
})

test('what ends with a promotion is told, one by one', () => {
  const issued = (id: IssuedId, generation: number, state: 'pending' | 'current') => ({ id, generation, nonce: issuedName(id), state })
  const device: DeviceCredentials = {
    ...NO_CREDENTIALS,
    temporary: { state: 'open', keyId: 'line-7' },
    flashed: 'good',
    issued: [issued(secret('old'), 1, 'current'), issued(certificate('new'), 2, 'pending')],
  }
  expect(tokenByIssued(device, certificate('new'), SHOWN).events.map(({ event }) => event)).toEqual([
    'became-current',
    'temporary-superseded',
    'flashed-superseded',
    'current-superseded',
    'token-issued',
  ])
})
