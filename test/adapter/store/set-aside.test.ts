import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../../agent/credential/secret.ts'
import { encodeKey, encodeNonce, encodeSlot, encodeTimeFloor } from '../../../agent/store/records.ts'
import { type OpenStore, openStore } from '../../../agent/store/store.ts'
import { createKeptLog, type KeptLog } from '../../fakes/log.ts'
import { certificate, identity, issued, numberOf, StateFolder } from './state-folder.ts'

const good = encodeSlot(identity, issued(1))

/** The seal as the format's description says it, computed by another program. */
function sealedWith(content: Readonly<Record<string, unknown>>): string {
  const checksum = execFileSync('sha256sum', { input: JSON.stringify(content), encoding: 'utf8' }).slice(0, 64)
  return JSON.stringify({ ...content, checksum })
}

/** A file that a slot must not be believed from, and a word of the reason. */
const BAD_SLOTS: readonly (readonly [string, string, string])[] = [
  ['an empty file', '', 'torn'],
  ['a file of zeros', '\0'.repeat(300), 'torn'],
  ['the first half', good.slice(0, good.length / 2), 'torn'],
  ['all but the last brace', good.trimEnd().slice(0, -1), 'torn'],
  ['one changed character of the secret', good.replace(/(zks_.)./, (_, start: string) => `${start}B`), 'checksum'],
  ['one changed character of the id', good.replace('mk1-1-', 'mk1-2-'), 'checksum'],
  ['another account, rightly sealed', encodeSlot({ ...identity, account: 'other' }, issued(1)), 'foreign'],
  ['another device, rightly sealed', encodeSlot({ ...identity, device: 'dev-2' }, issued(1)), 'foreign'],
  ['another format', good.replace('"format":1', '"format":2'), 'format'],
  ['a nonce', encodeNonce(identity, Buffer.alloc(32, 1).toString('base64url')), 'secretId'],
  ['a key', encodeKey(identity, certificate(1).privateKeyPem), 'secretId'],
  ['a certificate without its key', sealedWith({ format: 1, ...identity, certificate: certificate(1).chainPem }), 'privateKey'],
  [
    'a certificate beside another key',
    encodeSlot(identity, { ...certificate(1), privateKeyPem: certificate(2).privateKeyPem }),
    'another key',
  ],
  [
    'one changed character of the key',
    encodeSlot(identity, certificate(1)).replace('PRIVATE KEY-----\\nMIGH', 'PRIVATE KEY-----\\nMIGI'),
    'checksum',
  ],
  ['JSON of another shape', '[]', 'torn'],
  ['a file that is too large', 'x'.repeat(70_000), 'too large'],
]

const openWith = (folder: StateFolder, kept: KeptLog): Promise<OpenStore> => openStore({ directory: folder.path, identity, log: kept.log })

const folderWith = async (files: Readonly<Record<string, string>>): Promise<StateFolder> => {
  const folder = new StateFolder()
  await (await openWith(folder, createKeptLog())).close()
  for (const [name, text] of Object.entries(files)) folder.write(name, text)
  return folder
}

describe('a slot that cannot be believed', () => {
  test.each(BAD_SLOTS)('is set aside and told: %s', async (_, text, reason) => {
    const folder = await folderWith({ 'pending.json': text, 'current.json': encodeSlot(identity, issued(5)) })
    const kept = createKeptLog()
    const store = await openWith(folder, kept)
    const { pending, current } = await store.load()
    expect([numberOf(pending), numberOf(current)]).toEqual([null, 5])
    expect(folder.names()).toEqual(['current.json', 'pending.json.set-aside-1'])
    expect(folder.read('pending.json.set-aside-1')).toBe(text)
    expect(kept.lines).toMatchObject([{ level: 50, file: 'pending.json', setAside: 'pending.json.set-aside-1' }])
    expect(kept.lines[0]?.reason).toContain(reason)
    await store.close()
  })

  test('leaves the other one alone, and both may be bad at once', async () => {
    const folder = await folderWith({ 'pending.json': 'x', 'current.json': 'y' })
    const store = await openWith(folder, createKeptLog())
    expect(await store.load()).toEqual({ pending: null, current: null, isPartial: false })
    await store.storePending(issued(2))
    expect(folder.names()).toEqual(['current.json.set-aside-1', 'pending.json', 'pending.json.set-aside-1'])
    await store.close()
  })

  test('is never overwritten by one that was set aside later', async () => {
    const folder = await folderWith({ 'pending.json': 'second', 'pending.json.set-aside-1': 'first', 'pending.json.set-aside-9': 'ninth' })
    const store = await openWith(folder, createKeptLog())
    await store.load()
    expect(folder.names()).toEqual(['pending.json.set-aside-1', 'pending.json.set-aside-10', 'pending.json.set-aside-9'])
    expect(folder.read('pending.json.set-aside-10')).toBe('second')
    await store.close()
  })

  test('is not overwritten by a write or a promotion that was not preceded by a load', async () => {
    const folder = await folderWith({ 'pending.json': 'torn pending', 'current.json': 'torn current' })
    const store = await openWith(folder, createKeptLog())
    await store.storePending(issued(2))
    expect(folder.read('pending.json.set-aside-1')).toBe('torn pending')
    await store.promote(issued(2))
    expect(folder.read('current.json.set-aside-1')).toBe('torn current')
    expect(numberOf((await store.load()).current)).toBe(2)
    await store.close()
  })

  test('may be something that is no file at all', async () => {
    const folder = await folderWith({})
    mkdirSync(join(folder.path, 'pending.json'))
    execFileSync('mkfifo', [join(folder.path, 'current.json')])
    symlinkSync('/etc/hostname', join(folder.path, 'nonce'))
    const store = await openWith(folder, createKeptLog())
    expect(await store.load()).toEqual({ pending: null, current: null, isPartial: false })
    await store.nonce('kept')
    expect(folder.names()).toEqual(['current.json.set-aside-1', 'nonce', 'nonce.set-aside-1', 'pending.json.set-aside-1'])
    await store.close()
  })

  test('may have members that a later version added, under its checksum', async () => {
    const folder = await folderWith({})
    const store = await openWith(folder, createKeptLog())
    await store.raiseTimeFloor(5)
    folder.write('time-floor', sealedWith({ format: 1, ...identity, timeMs: 7, source: 'a later version' }))
    expect(await store.timeFloor()).toBe(7)
    await store.close()
  })
})

const keyOf = (namedCurve: string): Secret<string> =>
  new Secret(generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())

describe('a nonce, a key or a time floor that cannot be believed', () => {
  const nonce = Buffer.alloc(32, 1).toString('base64url')

  test.each([
    ['torn', encodeNonce(identity, nonce).slice(0, 40)],
    ["another device's", encodeNonce({ ...identity, device: 'dev-2' }, nonce)],
    ['malformed', encodeNonce(identity, 'short')],
  ])('nonce: one that is %s is set aside for a fresh one', async (_, text) => {
    const folder = await folderWith({ nonce: text })
    const store = await openWith(folder, createKeptLog())
    const fresh = await store.nonce('kept')
    expect(fresh).not.toBe(nonce)
    expect(folder.read('nonce.set-aside-1')).toBe(text)
    expect(await store.nonce('kept')).toBe(fresh)
    await store.close()
  })

  test.each([
    ['torn', encodeKey(identity, certificate(1).privateKeyPem).slice(0, 100)],
    ["another device's", encodeKey({ ...identity, device: 'dev-2' }, certificate(1).privateKeyPem)],
    ['of another curve', encodeKey(identity, keyOf('P-384'))],
    ['no key', encodeKey(identity, new Secret('-----BEGIN PRIVATE KEY-----'))],
  ])('key: one that is %s is set aside for a fresh one', async (_, text) => {
    const folder = await folderWith({ key: text })
    const store = await openWith(folder, createKeptLog())
    const fresh = (await store.key('kept')).reveal()
    expect(folder.read('key.set-aside-1')).toBe(text)
    expect((await store.key('kept')).reveal()).toBe(fresh)
    expect(createPrivateKey(fresh).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
    await store.close()
  })

  test.each([
    ['with a flipped digit', encodeTimeFloor(identity, 1_700_000_000_000).replace('1700', '9700')],
    ['negative', encodeTimeFloor(identity, -1)],
    ['not a number', encodeTimeFloor(identity, Number.NaN)],
  ])('time floor: one that is %s counts as none', async (_, text) => {
    const folder = await folderWith({ 'time-floor': text })
    const store = await openWith(folder, createKeptLog())
    expect(await store.timeFloor()).toBe(0)
    await store.raiseTimeFloor(5)
    expect(await store.timeFloor()).toBe(5)
    expect(folder.read('time-floor.set-aside-1')).toBe(text)
    await store.close()
  })
})
