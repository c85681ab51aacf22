import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROUTES } from '../../agent/contract/routes.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import {
  askForCredential,
  assertionOf,
  callCloud,
  freshNonce,
  hotspotLogin,
  sendAssertion,
  swap,
  temporaryCredential,
  tokenOf,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let log = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-log-'))
  const onLog = (text: string): void => {
    log += text
  }
  cloud = await startCloud({ dir: join(folder, 'cloud'), mode: 'child', logLevel: 'trace', onLog })
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

test('the log tells every request and, at its most talkative, no secret', async () => {
  await cloud.createAccount('acme')
  const key = await cloud.createProvisioningKey('acme', 'line-7')
  const aaa = await cloud.createAaaClient('berlin', 'zipkey.test')
  await cloud.registerDevice('acme', 'old-1', 'open sesame', 'opaque')
  const temporary = temporaryCredential({ account: 'acme', device: 'SN-1' }, 'line-7', key.bytes)
  const assertion = await assertionOf(cloud, temporary)
  await sendAssertion(cloud, assertion)
  await sendAssertion(cloud, assertion)
  const enrol = await tokenOf(cloud, temporary)
  await askForCredential(cloud, enrol.value, 'not a nonce')
  const nonce = freshNonce()
  const issued = await swap(cloud, temporary, nonce)
  const device = await tokenOf(cloud, issued)
  const basic = Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')
  const { identity, password } = hotspotLogin(issued, 'zipkey.test', 'zipkey.test')
  const headers = { authorization: `Basic ${basic}`, 'content-type': 'application/json' }
  const asked = { identity, method: 'TTLS-PAP', calling_station: '', called_station: '' }
  const granted = await callCloud(cloud, 'POST', ROUTES.aaaAuthorize, { headers, body: JSON.stringify(asked) })
  expect(JSON.stringify(granted.body)).toContain(password)
  const operatorKey = (await readFile(join(cloud.dir, 'operator.key'), 'utf8')).trim()

  // A line is written when its answer is.
  const paths = () => log.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line).req?.path] : []))
  for (const path of [ROUTES.token, ROUTES.deviceCredential, ROUTES.aaaAuthorize, '/v1/accounts/acme/devices'])
    await expect.poll(paths).toContain(path)
  const secretText = formatSecretText('zks_', issued.secret)
  const secrets = {
    key: key.text,
    aaa: aaa.secret,
    basic,
    password,
    assertion,
    enrol: enrol.value,
    device: device.value,
    nonce,
    secretText,
    operatorKey,
  }
  for (const [name, secret] of Object.entries(secrets)) expect(`${name}: ${log.includes(secret)}`).toBe(`${name}: false`)
  expect(log).not.toMatch(/open sesame|authorization/i)
})
