import { describe, expect, it } from 'vitest'
import { PROBLEMS, type ProblemType, parseProblem, problemUri } from '../../../agent/contract/problems.ts'

const TYPES = Object.keys(PROBLEMS) as ProblemType[]

describe('a problem document', () => {
  it.each(TYPES)('%s is read from its own URI', (type) => {
    const body = { type: problemUri(type), title: 'x', status: PROBLEMS[type].status, detail: 'because' }
    expect(parseProblem(body)).toEqual({ ok: true, value: { type, detail: 'because' } })
  })

  it('says its title where it has no detail', () => {
    expect(parseProblem({ type: problemUri('revoked') })).toEqual({ ok: true, value: { type: 'revoked', detail: PROBLEMS.revoked.title } })
  })

  it.each([
    null,
    'unknown-credential',
    42,
    [],
    [{ type: problemUri('revoked') }],
    {},
    { type: null },
    { type: 'revoked' },
    { type: 'about:blank' },
    { type: 'https://zipkey.example/problems/revoked' },
    { type: `${problemUri('revoked')}/x` },
    { type: problemUri('revoked').toUpperCase() },
    { type: 'urn:zipkey:problem:' },
    { type: 'urn:zipkey:problem:constructor' },
    { type: 'urn:zipkey:problem:__proto__' },
    { type: 'urn:zipkey:problem:toString' },
  ])('%j is none of ours', (body) => {
    expect(parseProblem(body).ok).toBe(false)
  })
})

describe('the problem table', () => {
  it.each<[ProblemType, number, string]>([
    ['unknown-credential', 401, 'next-candidate'],
    ['revoked', 403, 'next-candidate'],
    ['already-enrolled', 409, 'next-candidate'],
    ['nonce-spent', 409, 'new-nonce'],
    ['clock-skew', 401, 'time-step'],
    ['too-many-requests', 429, 'wait'],
    ['unavailable', 503, 'wait'],
    ['internal', 500, 'try-again'],
  ])('%s is HTTP %i, and the device does: %s', (type, status, reaction) => {
    expect(PROBLEMS[type]).toMatchObject({ status, reaction })
  })

  it('moves on to another credential only after an answer of the 4xx class', () => {
    const moving = TYPES.filter((type) => PROBLEMS[type].reaction === 'next-candidate')
    expect(moving.length).toBeGreaterThan(0)
    for (const type of moving) expect([401, 403, 409]).toContain(PROBLEMS[type].status)
  })
})
