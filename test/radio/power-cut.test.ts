import { expect, test } from 'vitest'
import { isGood, runCampaign } from '../../scripts/campaign/power-cut/campaign.ts'
import { labFolder } from '../../scripts/radio-lab/lab-folder.ts'

test('whatever is on the disk when the power is cut, the cloud accepts one credential of it, and the device comes back', async () => {
  const said: string[] = []
  const result = await runCampaign({
    cuts: 2,
    states: 240,
    seed: 1,
    permanentCredential: 'secret',
    labFolder: labFolder(),
    say: (line) => said.push(line),
  })
  expect(result.faults, said.join('\n')).toEqual([])
  expect(result.cuts).toBe(2)
  // A life that is cut early, or begins late, has fewer different states than its share.
  expect(result.states).toBeGreaterThanOrEqual(120)
  for (const kind of ['nothing', 'nonce', 'nonce + pending', 'nonce + current'])
    expect(result.kindsReplayed.get(kind), kind).toBeGreaterThan(0)
  for (const kind of ['config with the provisioning key', 'config with the derived secret'])
    expect(result.kindsReplayed.get(kind), kind).toBeGreaterThan(0)
  expect(result.controlFaults, 'on a disk that ignores flushes the same replay finds what is lost').toBeGreaterThan(0)
  expect(isGood(result)).toBe(true)
}, 300_000)
