import { describe, expect, it } from 'vitest'
import { makeSecretId } from '../../../../agent/contract/secret-id.ts'
import type { Candidate } from '../../../../agent/credential/credential.ts'
import { Secret } from '../../../../agent/credential/secret.ts'
import { blankAccount, type DeviceAccount, type ReplayedEntry, replay } from '../../../../scripts/campaign/cloud-kill/audit-replay.ts'
import { ofHoldings, ofTold } from '../../../../scripts/campaign/cloud-kill/judge.ts'
import { differences } from '../../../../scripts/campaign/cloud-kill/ledger.ts'

const name = { account: 'acme', device: 'SN-1' }
const secretId = (generation: number): string => makeSecretId('m1', new Uint8Array(32), name, generation, new Uint8Array(10))
const [first, second] = [`s.${secretId(1)}`, `s.${secretId(2)}`]
const entry = (event: string, credential: string | null, detail = ''): ReplayedEntry => ({ at: 7, ...name, event, credential, detail })

const SWAP = [
  entry('enrolled', 't.line-7'),
  entry('token-issued', 't.line-7', 'enrol'),
  entry('secret-issued', first),
  entry('became-current', first),
  entry('temporary-superseded', 't.line-7'),
  entry('token-issued', first, 'device'),
]
const ROTATION = [
  entry('rotation-ordered', null, 'order-1'),
  entry('secret-issued', second),
  entry('became-current', second),
  entry('current-superseded', first),
]

const account = (changes: Partial<DeviceAccount>): DeviceAccount => ({ ...blankAccount(), ...changes })
const swapped = account({
  temporary: { state: 'superseded', keyId: 'line-7' },
  issued: new Map([[first, { generation: 1, state: 'current' }]]),
  promotedMs: 7,
})
const rotated = account({
  ...swapped,
  issued: new Map([
    [second, { generation: 2, state: 'current' }],
    [first, { generation: 1, state: 'superseded' }],
  ]),
})
const tablesOf = (device: DeviceAccount) => new Map([['acme/SN-1', device]])

describe('an audit log', () => {
  it('explains the tables that it led to', () => {
    expect(differences(replay(SWAP), tablesOf(swapped))).toEqual([])
    expect(differences(replay([...SWAP, ...ROTATION]), tablesOf(rotated))).toEqual([])
    expect(
      differences(replay([...SWAP, entry('rotation-ordered', null, 'order-1')]), tablesOf({ ...swapped, openOrder: 'order-1' })),
    ).toEqual([])
  })

  it.each([
    ['enrolled', /the audit log/],
    ['secret-issued', /does not tell that .* was issued/],
    ['became-current', /pending, promoted null/],
    ['temporary-superseded', /explains temporary open/],
  ])('that lacks "%s" does not', (event, complaint) => {
    const judged = () => differences(replay(SWAP.filter((each) => each.event !== event)), tablesOf(swapped)).join()
    const said = (): string => {
      try {
        return judged()
      } catch (error) {
        return String(error)
      }
    }
    expect(said()).toMatch(complaint)
  })

  it('that tells of what the tables do not hold, or the other way round, does not', () => {
    expect(differences(replay(SWAP), new Map())).toEqual(['acme/SN-1 is in the audit log, and not in the tables'])
    expect(differences(replay([]), tablesOf(swapped))).toEqual(['acme/SN-1 is in the tables, and the audit log does not tell how'])
    expect(differences(replay(SWAP), tablesOf(rotated))).toHaveLength(1)
  })

  it('of an id that nobody has makes no device, and an event that nobody knows is told', () => {
    expect(replay([entry('unknown-credential-refused', 't.line-9')])).toEqual(new Map())
    expect(() => replay([entry('abducted', null)])).toThrow('does not know: abducted')
  })
})

describe('at rest a device', () => {
  const secret = new Secret(new Uint8Array(32))
  const current = (generation: number): Candidate => ({
    slot: 'current',
    credential: { kind: 'shared-secret', id: { kind: 'issued', secretId: secretId(generation) }, secret },
  })

  it('has the one current secret on its disk', () => {
    expect(ofHoldings('SN-1', swapped, [current(1)])).toEqual([])
    expect(ofHoldings('SN-1', rotated, [current(2)])).toEqual([])
  })

  it.each<[string, DeviceAccount | undefined, readonly Candidate[]]>([
    ['that the cloud does not know', undefined, [current(1)]],
    ['with another secret on its disk', rotated, [current(1)]],
    ['with nothing on its disk', swapped, []],
    ['whose temporary secret is still good', { ...swapped, temporary: { state: 'open', keyId: 'line-7' } }, [current(1)]],
    ['whose flashed secret is still good', { ...swapped, flashed: 'good' }, [current(1)]],
    [
      'with a pending secret beside',
      { ...swapped, issued: new Map([...swapped.issued, [second, { generation: 2, state: 'pending' }]]) },
      [current(1)],
    ],
  ])('%s is condemned', (_, held, candidates) => {
    expect(ofHoldings('SN-1', held, candidates)).toHaveLength(1)
  })
})

describe('what a device was told', () => {
  const logged = replay(SWAP).get('acme/SN-1')

  it('is in the audit log, which may know of answers that were lost', () => {
    expect(ofTold('SN-1', logged, { tokens: new Map([[first, 1]]), secrets: new Set([first]) })).toEqual([])
    expect(ofTold('SN-1', logged, { tokens: new Map(), secrets: new Set() })).toEqual([])
  })

  it('is missed where it is not', () => {
    expect(ofTold('SN-1', logged, { tokens: new Map([[first, 2]]), secrets: new Set() })).toHaveLength(1)
    expect(ofTold('SN-1', logged, { tokens: new Map(), secrets: new Set([second]) })).toHaveLength(1)
    expect(ofTold('SN-1', undefined, { tokens: new Map([[first, 1]]), secrets: new Set([first]) })).toHaveLength(2)
  })
})
