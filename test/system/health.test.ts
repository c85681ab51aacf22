import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROUTES } from '../../agent/contract/routes.ts'
import { soundProgram } from '../../scripts/campaign/cloud/cloud-program.ts'
import { openSite, type Site } from '../../scripts/campaign/cloud/site.ts'
import { callCloud } from './cloud-device.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

let folder: string
let site: Site

beforeAll(async () => {
  await mkdir(LAB_FOLDER, { recursive: true })
  folder = await mkdtemp(join(LAB_FOLDER, 'health-'))
  site = await openSite(folder, 'postgres', soundProgram())
})

afterAll(async () => {
  await site.close()
  await rm(folder, { recursive: true })
})

const ask = async (method: string, path: string) => {
  const { status, problem, headers } = await callCloud(site.access, method, path, {
    headers: { authorization: `Basic ${Buffer.from(`${site.aaa.id}:${site.aaa.secret}`).toString('base64')}` },
  })
  return { status, problem, waits: Number(headers['retry-after'] ?? 0) > 0 }
}

test('a process whose database is away says so, tells callers when to come back, and is well again when it is', async () => {
  expect(await ask('GET', '/v1/health')).toMatchObject({ status: 200 })
  await site.cluster?.kill()
  const away = { status: 503, problem: 'unavailable', waits: true }
  expect(await ask('GET', '/v1/health')).toEqual(away)
  expect(await ask('POST', ROUTES.aaaAuthorize)).toEqual(away)
  await site.cluster?.start()
  for (let tries = 0; tries < 400 && (await ask('GET', '/v1/health')).status !== 200; tries++) await setTimeout(100)
  expect(await ask('GET', '/v1/health')).toMatchObject({ status: 200 })
  // The request is not a good one, but who asks is known again.
  expect(await ask('POST', ROUTES.aaaAuthorize)).toMatchObject({ status: 400 })
})
