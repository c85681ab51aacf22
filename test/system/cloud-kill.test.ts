import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatCredentialId } from '../../agent/contract/names.ts'
import { newDeviceKey, swapForCertificate } from './certificate-device.ts'
import {
  type CertificateCredential,
  type DeviceCredential,
  freshNonce,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const KILLS = 5

let folder: string
let cloud: RunningCloud
let key: Uint8Array

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-kill-'))
  cloud = await startCloud({ dir: join(folder, 'cloud'), mode: 'child' })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

type Permanent = DeviceCredential | CertificateCredential
type Walked = { readonly temporary: DeviceCredential; readonly issued: Permanent; readonly interruptions: number }

/** Devices of this line ask for certificates. */
const CERTIFICATE_LINE = 'C'

/** What a device asks with, again and again: its nonce, or its key. */
function asker(temporary: DeviceCredential): () => Promise<Permanent> {
  const [nonce, privateKey] = [freshNonce(), newDeviceKey()]
  const asksForCertificate = temporary.name.device.startsWith(CERTIFICATE_LINE)
  return () => (asksForCertificate ? swapForCertificate(cloud, temporary, { privateKey }) : swap(cloud, temporary, nonce))
}

/** One device on its way: asks until it has a permanent credential that was proved. */
async function walk(temporary: DeviceCredential, deadlineMs: number): Promise<Walked> {
  const ask = asker(temporary)
  let issued: Permanent | null = null
  for (let interruptions = 0; ; interruptions++) {
    try {
      issued ??= await ask()
      await tokenOf(cloud, issued)
      return { temporary, issued, interruptions }
    } catch (error) {
      if (Date.now() > deadlineMs) throw error
      await setTimeout(20)
    }
  }
}

/** Devices on their way, one after another, until it is over. */
async function walkOn(line: string, walked: Walked[], isOver: () => boolean, deadlineMs: number): Promise<void> {
  for (let count = 0; !isOver(); count++) {
    const name = { account: 'acme', device: `${line}-${count}` }
    walked.push(await walk(temporaryCredential(name, 'line-7', key), deadlineMs))
  }
}

async function expectOnTheOtherSide({ temporary, issued: credential }: Walked): Promise<void> {
  const { name, id } = credential
  expect(await tokenOutcome(cloud, credential)).toBe('granted')
  expect(await tokenOutcome(cloud, temporary)).toBe('already-enrolled')
  expect((await cloud.showDevice('acme', name.device)).issued.filter(({ state }) => state === 'current')).toHaveLength(1)
  const events = await cloud.audit('acme', name.device)
  expect(events.filter(({ event }) => event === 'became-current').map(({ credential: label }) => label)).toEqual([formatCredentialId(id)])
  expect(events.filter(({ event }) => event === 'enrolled')).toHaveLength(1)
}

test('a cloud that is killed again and again locks no device out, and its audit log tells of every promotion', {
  timeout: 60_000,
}, async () => {
  const deadlineMs = Date.now() + 45_000
  let over = false
  const walked: Walked[] = []
  const lines = Promise.all(['A', 'B', CERTIFICATE_LINE].map((line) => walkOn(line, walked, () => over, deadlineMs)))
  for (let kill = 0; kill < KILLS; kill++) {
    for (const before = walked.length; walked.length < before + 6; ) await Promise.race([setTimeout(5), lines])
    await setTimeout(Math.random() * 50)
    await cloud.stop('SIGKILL')
    await cloud.start()
  }
  over = true
  await lines
  // Every kill met a device in the middle of its way.
  expect(walked.filter(({ interruptions }) => interruptions > 0).length).toBeGreaterThanOrEqual(KILLS)
  for (const each of walked.slice(-60)) await expectOnTheOtherSide(each)
  for (const each of walked.filter(({ interruptions }) => interruptions > 0)) await expectOnTheOtherSide(each)
})
