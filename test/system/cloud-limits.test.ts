import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROUTES } from '../../agent/contract/routes.ts'
import { callCloud, freshNonce } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const MAX = 20
let folder: string
let cloud: RunningCloud

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-limits-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.reconfigure({ requestsPerMinutePerAddress: MAX, requestsPerMinutePerAaaClient: MAX })
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

test('who asks too often is told to wait, and for how long; an AAA server next door is not', async () => {
  const aaa = await cloud.createAaaClient('berlin', 'zipkey.test')
  const ask = () => callCloud(cloud, 'GET', `${ROUTES.time}?nonce=${freshNonce()}`)
  const answers = []
  for (let count = 0; count < MAX + 5; count++) answers.push(await ask())
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThanOrEqual(5)
  for (const answer of refused) {
    expect(answer.problem).toBe('too-many-requests')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(120)
  }
  const authorization = `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`
  const headers = { authorization, 'content-type': 'application/json' }
  const body = JSON.stringify({ identity: 'x@acme.zipkey.test', method: 'TTLS-PAP', calling_station: '', called_station: '' })
  const statuses = []
  for (let count = 0; count < MAX + 2; count++)
    statuses.push((await callCloud(cloud, 'POST', ROUTES.aaaAuthorize, { headers, body })).status)
  expect(statuses.slice(0, MAX)).toEqual(Array.from({ length: MAX }, () => 200))
  expect(statuses.slice(MAX)).toEqual([429, 429])
})
