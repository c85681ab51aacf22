import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credentialLabel, type IssuedSecret } from '../../agent/credential/credential.ts'
import { Secret } from '../../agent/credential/secret.ts'
import { type CloudState, CloudView } from '../../scripts/campaign/power-cut/cloud-view.ts'
import type { FoundState } from '../../scripts/campaign/power-cut/found-state.ts'
import { Judge, type Owner } from '../../scripts/campaign/power-cut/judge.ts'
import type { Timeline } from '../../scripts/campaign/power-cut/timeline.ts'
import { freshNonce, swap, temporaryCredential, tokenOf } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const name = { account: 'acme', device: 'SN-1' }
const nonce = freshNonce()

let folder: string
let cloud: RunningCloud
let view: CloudView
let judge: Judge
let owner: Owner
let issued: IssuedSecret
let states: Readonly<Record<'unknown' | 'enrolled' | 'issued' | 'swapped', CloudState>>

/** A device walks the whole way; the cloud's state is read on each step of it. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-judge-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  const temporary = temporaryCredential(name, 'line-7', (await cloud.createProvisioningKey('acme', 'line-7')).bytes)
  view = await CloudView.open(cloud.dir)
  judge = new Judge(view)
  owner = { name, flashed: { kind: 'temporary-secret', id: { kind: 'temporary', keyId: 'line-7' }, secret: new Secret(temporary.secret) } }
  const unknown = await view.stateOf(name)
  await tokenOf(cloud, temporary)
  const enrolled = await view.stateOf(name)
  const answer = await swap(cloud, temporary, nonce)
  if (answer.id.kind !== 'issued') throw new Error('a swap gave no issued secret')
  issued = { kind: 'shared-secret', id: answer.id, secret: new Secret(answer.secret) }
  const pending = await view.stateOf(name)
  await tokenOf(cloud, answer)
  states = { unknown, enrolled, issued: pending, swapped: await view.stateOf(name) }
})

afterAll(async () => {
  await view.close()
  await cloud.stop()
  await rm(folder, { recursive: true })
})

type Disk = 'nothing' | 'nonce' | 'pending' | 'current'

const found = (disk: Disk, changes: Partial<FoundState> = {}): FoundState => ({
  ...{ files: [], complaints: [], nonces: disk === 'nothing' ? [] : [nonce] },
  stored: { pending: disk === 'pending' ? issued : null, current: disk === 'current' ? issued : null },
  ...changes,
})

describe('the judge of a disk after a power cut', () => {
  it.each<[Disk, keyof typeof states, string | null]>([
    ['nothing', 'unknown', null],
    ['nothing', 'enrolled', null],
    ['nothing', 'issued', null],
    ['nothing', 'swapped', 'locked out'],
    ['nonce', 'swapped', 'locked out'],
    ['pending', 'issued', null],
    ['pending', 'swapped', null],
    ['current', 'swapped', null],
  ])('with %s on it while the cloud is at "%s": %s', async (disk, at, fault) => {
    const faults = await judge.lockedOut(found(disk), owner, states[at])
    expect(faults.map((text) => text.split(':')[0])).toEqual(fault === null ? [] : [fault])
  })

  it('is told by the cloud itself what it committed', () => {
    expect(states.unknown).toBeNull()
    expect(states.enrolled).toMatchObject({ temporary: { state: 'open' }, issued: [] })
    expect(states.issued).toMatchObject({ temporary: { state: 'open' }, issued: [{ state: 'pending', nonce }] })
    expect(states.swapped).toMatchObject({ temporary: { state: 'superseded' }, issued: [{ state: 'current' }] })
  })

  it('takes no secret for good that the cloud never made, nor a file that the store complains of', async () => {
    const forged: IssuedSecret = { ...issued, secret: new Secret(new Uint8Array(32)) }
    const disk = found('nonce', { stored: { pending: forged, current: null }, complaints: ['torn'] })
    expect(await judge.ofFiles(disk, owner)).toEqual(['the store complains: torn', 'pending holds a credential that the cloud never made'])
    expect(await judge.lockedOut(disk, owner, states.swapped)).toHaveLength(1)
    expect(await judge.ofFiles(found('pending'), owner)).toEqual([])
  })

  it('holds the device to what its log promised', async () => {
    const label = credentialLabel(issued)
    const timeline: Timeline = {
      duties: [
        { fromBytes: 20, event: 'stored', label, slots: ['pending', 'current'] },
        { fromBytes: 30, event: 'promoted', label, slots: ['current'] },
      ],
      nonceDuties: [{ fromBytes: 10, label }],
      cloud: [{ state: states.issued, fromBytes: 0, toBytes: Number.POSITIVE_INFINITY }],
    }
    const faults = async (disk: Disk, endBytes: number) =>
      (await judge.atMoment(found(disk), owner, timeline, { endBytes, nextEndBytes: endBytes + 1 })).map((text) =>
        text.replaceAll(label, 's.id'),
      )
    expect(await faults('nothing', 9)).toEqual([])
    expect(await faults('nothing', 10)).toEqual(['the nonce or key that the cloud was asked with for s.id is not there'])
    expect(await faults('nonce', 19)).toEqual([])
    expect(await faults('nonce', 20)).toEqual(['after "stored" s.id is not in pending or current'])
    expect(await faults('pending', 20)).toEqual([])
    expect(await faults('pending', 30)).toEqual(['after "promoted" s.id is not in current'])
    expect(await faults('current', 30)).toEqual([])
  })
})
