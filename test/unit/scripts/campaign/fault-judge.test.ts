import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Credential, credentialLabel } from '../../../../agent/credential/credential.ts'
import { Secret } from '../../../../agent/credential/secret.ts'
import { encodeKey, encodeSlot } from '../../../../agent/store/records.ts'
import type { DiskPlace } from '../../../../scripts/campaign/faults/disk.ts'
import { readDisk } from '../../../../scripts/campaign/faults/disk.ts'
import { judge } from '../../../../scripts/campaign/faults/judge.ts'
import { certified, newDeviceKey } from '../../../fakes/device-ca.ts'

const CONFIG = join(import.meta.dirname, '../../../../config/examples/temporary-derived-secret.json')

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zipkey-judge-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const name = { account: 'acme', device: 'SN-1' }
const place = (changes: Partial<DiskPlace> = {}): DiskPlace => ({ name, stateFolder: folder, configFile: CONFIG, ...changes })

const idOf = (letter: string): string => `${letter}2-1-abcdefghijklmnop-abcdefghijklm`

const slot = (letter: string): string =>
  encodeSlot(name, {
    kind: 'shared-secret',
    id: { kind: 'issued', secretId: idOf(letter) },
    secret: new Secret(new Uint8Array(32).fill(letter.charCodeAt(0))),
  })

const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)

describe('the judge of a disk', () => {
  it('finds what is whole', async () => {
    write('pending.json', slot('p'))
    write('current.json', slot('c'))
    const { pending, current, flashed, problems } = await readDisk(place())
    expect(problems).toEqual([])
    expect([pending, current].map((credential) => credential && credentialLabel(credential))).toEqual([`s.${idOf('p')}`, `s.${idOf('c')}`])
    expect(flashed.map(credentialLabel)).toEqual(['t.line-7'])
  })

  it('finds a certificate, and the key that it was asked for with beside it', async () => {
    const certificate = certified(newDeviceKey(), name.device)
    write('current.json', encodeSlot(name, certificate))
    write('key', encodeKey(name, certificate.privateKeyPem))
    expect(await readDisk(place())).toMatchObject({ current: certificate, problems: [] })
  })

  it('takes an unfinished file under its temporary name for nothing', async () => {
    write('.pending.json.tmp', slot('p').slice(0, 40))
    expect(await readDisk(place())).toMatchObject({ pending: null, problems: [] })
  })

  it('takes the hint of known hotspots for what it is, torn or not', async () => {
    for (const file of ['known-hotspots.json', 'known-hotspots.json.tmp']) write(file, '{"format":1,"kno')
    expect((await readDisk(place())).problems).toEqual([])
  })

  it.each([
    ['a torn slot', 'pending.json', slot('p').slice(0, 40), 'pending.json is torn'],
    ['an empty slot file', 'current.json', '', 'current.json is torn'],
    ['a slot with a changed byte', 'current.json', slot('c').replace('zks_', 'zkt_'), 'current.json is torn'],
    ['a torn nonce', 'nonce', '{"format":1', 'nonce is torn'],
    ['a torn key', 'key', '{"format":1', 'key is torn'],
    ['a file that was set aside', 'pending.json.set-aside-1', slot('p'), 'there is a file pending.json.set-aside-1'],
  ])('objects to %s', async (_, file, text, problem) => {
    write(file, text)
    expect((await readDisk(place())).problems).toContain(problem)
  })

  it("objects to another device's slot", async () => {
    write('current.json', slot('c'))
    expect((await readDisk(place({ name: { ...name, device: 'SN-2' } }))).problems.join()).toMatch(/current.json: foreign/)
  })

  it('objects to a broken CA config', async () => {
    write('ca.json', '{"account":')
    const disk = await readDisk(place({ stateFolder: join(folder, 'none'), configFile: join(folder, 'ca.json') }))
    expect(disk.flashed).toEqual([])
    expect(disk.problems.join()).toMatch(/the CA config is broken/)
  })
})

describe('a device', () => {
  const cloudThatAccepts = (...labels: readonly string[]) => ({
    stateOf: async () => null,
    refusalOf: async (credential: Credential) => (labels.includes(credentialLabel(credential)) ? null : 'the Cloud API: unknown'),
  })

  it.each([
    ['its temporary secret', 't.line-7'],
    ['its pending secret', `s.${idOf('p')}`],
    ['its current secret', `s.${idOf('c')}`],
  ])('is not locked out while the cloud accepts %s', async (_, label) => {
    write('pending.json', slot('p'))
    write('current.json', slot('c'))
    expect(await judge(place(), cloudThatAccepts(label))).toEqual([])
  })

  it('is locked out where the cloud accepts nothing of its disk', async () => {
    write('current.json', slot('c'))
    const [problem] = await judge(place(), cloudThatAccepts(`s.${idOf('p')}`))
    expect(problem).toBe(`locked out: s.${idOf('c')}: the Cloud API: unknown; t.line-7: the Cloud API: unknown`)
  })
})
