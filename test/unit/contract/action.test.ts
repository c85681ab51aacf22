import { CompactSign, exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { ACTION_TYP, parseActionsAnswer, verifyAction } from '../../../agent/contract/action.ts'

const name = { account: 'acme', device: 'dev-1' }
const NOW_MS = 1_800_000_000_000
const good = { ...name, id: 'order-1', exp: NOW_MS / 1000 + 60, body: { kind: 'rotate-credential' } }

let keys: JSONWebKeySet
let sign: (payload: unknown, typ?: string) => Promise<string>
let foreign: (payload: unknown) => Promise<string>

beforeAll(async () => {
  const ours = await generateKeyPair('ES256')
  const theirs = await generateKeyPair('ES256')
  keys = { keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'ES256' }] }
  const signer =
    (key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']) =>
    (payload: unknown, typ = ACTION_TYP): Promise<string> =>
      new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ }).sign(key)
  sign = signer(ours.privateKey)
  foreign = signer(theirs.privateKey)
})

describe('an action of the cloud', () => {
  it('is believed when it is signed, for this device, and in time', async () => {
    const action = await verifyAction(await sign(good), keys, name, NOW_MS)
    expect(action).toEqual({ ok: true, value: { id: 'order-1', body: { kind: 'rotate-credential' } } })
  })

  it('is told by name when this version does not know it', async () => {
    const action = await verifyAction(await sign({ ...good, body: { kind: 'dance' } }), keys, name, NOW_MS)
    expect(action).toEqual({ ok: true, value: { id: 'order-1', body: { kind: 'unsupported', name: 'dance' } } })
  })

  it.each([
    { story: 'for another device', payload: { ...good, device: 'dev-2' } },
    { story: 'for the same device of another account', payload: { ...good, account: 'other' } },
    { story: 'that has expired', payload: { ...good, exp: NOW_MS / 1000 } },
    { story: 'without an end', payload: { ...good, exp: undefined } },
    { story: 'without an id', payload: { ...good, id: undefined } },
    { story: 'whose id could be anything', payload: { ...good, id: '../../etc' } },
    { story: 'without a body', payload: { ...good, body: null } },
    { story: 'that is no object', payload: [good] },
  ])('$story is not believed', async ({ payload }) => {
    expect((await verifyAction(await sign(payload), keys, name, NOW_MS)).ok).toBe(false)
  })

  it('signed by somebody else, or as something else, is not believed', async () => {
    expect((await verifyAction(await foreign(good), keys, name, NOW_MS)).ok).toBe(false)
    expect((await verifyAction(await sign(good, 'zipkey-time+jwt'), keys, name, NOW_MS)).ok).toBe(false)
    expect((await verifyAction('no.jws.at.all', keys, name, NOW_MS)).ok).toBe(false)
  })

  it.each([null, {}, { actions: {} }, { actions: [1] }])('comes in an answer of the form {"actions": ["…"]}: %j is none', (body) => {
    expect(parseActionsAnswer(body).ok).toBe(false)
  })
})
