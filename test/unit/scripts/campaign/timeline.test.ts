import { describe, expect, it } from 'vitest'
import { NO_CREDENTIALS } from '../../../../cloud/rules/device-credentials.ts'
import type { CloudState } from '../../../../scripts/campaign/power-cut/cloud-view.ts'
import { cloudStatesAt, dutyAt, nonceDutyAt, type Timeline } from '../../../../scripts/campaign/power-cut/timeline.ts'

const enrolled: CloudState = { ...NO_CREDENTIALS, temporary: { state: 'open', keyId: 'line-7' } }
const timeline: Timeline = {
  duties: [
    { fromBytes: 500, event: 'stored', label: 's.a', slots: ['pending', 'current'] },
    { fromBytes: 900, event: 'promoted', label: 's.a', slots: ['current'] },
  ],
  nonceDuties: [{ fromBytes: 400, label: 's.a' }],
  cloud: [
    { state: null, fromBytes: 0, toBytes: 300 },
    { state: enrolled, fromBytes: 200, toBytes: Number.POSITIVE_INFINITY },
  ],
}
const cut = (endBytes: number, nextEndBytes: number) => ({ endBytes, nextEndBytes })

describe('a cut at a moment of a recorded life', () => {
  it.each([
    ['before the line', cut(499, 600), null],
    ['from the line on', cut(500, 600), 'stored'],
    ['after a later line', cut(1000, 1100), 'promoted'],
  ])('owes %s', (_, moment, event) => {
    expect(dutyAt(timeline, moment)?.event ?? null).toBe(event)
  })

  it('owes the nonce once a secret came for it', () => {
    expect(nonceDutyAt(timeline, cut(399, 450))).toBeNull()
    expect(nonceDutyAt(timeline, cut(400, 450))?.label).toBe('s.a')
  })

  it.each([
    ['before a request may have left', cut(100, 200), [null]],
    ['while it may have been on its way', cut(100, 201), [null, enrolled]],
    ['as long as the old state was seen', cut(300, 400), [null, enrolled]],
    ['after that', cut(301, 400), [enrolled]],
  ])('is judged by every state of the cloud %s', (_, moment, states) => {
    expect(cloudStatesAt(timeline, moment)).toEqual(states)
  })
})
