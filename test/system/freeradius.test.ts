import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeFreeradiusConfig } from '../../cloud/freeradius/site.ts'
import { type DeviceCredential, hotspotLogin, swap, temporaryCredential, tokenOf } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { type AaaSite, type RunningAaa, startAaa } from './freeradius-server.ts'

const REALM = 'zipkey.test'
const run = promisify(execFile)

let folder: string
let cloud: RunningCloud
let aaa: RunningAaa
let key: Uint8Array
let foreignKey: Uint8Array
let deviceCaPath: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-aaa-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  await cloud.createAccount('umbra')
  key = (await cloud.createProvisioningKey('acme', 'line-7', { allow: ['SN-*'] })).bytes
  foreignKey = (await cloud.createProvisioningKey('umbra', 'line-7')).bytes
  const client = await cloud.createAaaClient('berlin', REALM, ['acme'])
  deviceCaPath = await cloud.writeDeviceCa(folder)
  aaa = await startAaa({ dir: folder, cloudUrl: cloud.url, cloudCaPath: cloud.caPath, deviceCaPath, client })
})

afterAll(async () => {
  await aaa.stop()
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0
const newDevice = () => temporaryCredential({ account: 'acme', device: `SN-${++count}` }, 'line-7', key)
const login = (credential: DeviceCredential) => hotspotLogin(credential, REALM, REALM)
const events = async (device: string) => (await cloud.audit('acme', device)).map(({ event }) => event)

describe.each(['PAP', 'MSCHAPV2', 'PEAP'] as const)('a tunnel with %s', (phase2) => {
  test('accepts a temporary secret before the cloud knows the device, and enrols nobody by it', async () => {
    const temporary = newDevice()
    const { success } = await aaa.eap({ ...login(temporary), phase2 })
    expect(success).toBe(true)
    expect(await events(temporary.name.device)).toEqual(['hotspot-accepted'])
    await expect(cloud.showDevice('acme', temporary.name.device)).rejects.toThrow('not-found')
  })

  test('accepts a pending secret and says so, accepts it when it is current, and then refuses the temporary one', async () => {
    const temporary = newDevice()
    const issued = await swap(cloud, temporary)
    expect((await aaa.eap({ ...login(issued), phase2 })).success).toBe(true)
    expect((await aaa.eap({ ...login(temporary), phase2 })).success).toBe(true)
    expect(await events(temporary.name.device)).toContain('pending-seen-at-hotspot')
    expect((await cloud.showDevice('acme', temporary.name.device)).issued[0]?.state).toBe('pending')
    await tokenOf(cloud, issued)
    expect((await aaa.eap({ ...login(issued), phase2 })).success).toBe(true)
    expect((await aaa.eap({ ...login(temporary), phase2 })).success).toBe(false)
    const last = (await cloud.audit('acme', temporary.name.device)).at(-1)
    expect(last).toMatchObject({ event: 'hotspot-refused', credential: 't.line-7', principal: 'aaa:berlin' })
    expect(last?.detail).toMatch(/permanent credential/)
  })

  test('refuses a wrong password and says so', async () => {
    const temporary = newDevice()
    const { success, tookMs } = await aaa.eap({ ...login(temporary), password: 'wrong', phase2 })
    expect(success).toBe(false)
    expect(tookMs).toBeLessThan(2000)
    expect((await cloud.audit('acme', temporary.name.device)).at(-1)).toMatchObject({ event: 'hotspot-rejected' })
  })

  test.each([
    ['another AAA domain', (credential: DeviceCredential) => hotspotLogin(credential, REALM, 'elsewhere.example')],
    ['a device id outside the rules', () => login(temporaryCredential({ account: 'acme', device: 'XX-1' }, 'line-7', key))],
    ['an unknown key', () => login(temporaryCredential({ account: 'acme', device: 'SN-0' }, 'line-8', key))],
    [
      'an account that this AAA client may not see',
      () => login(temporaryCredential({ account: 'umbra', device: 'SN-0' }, 'line-7', foreignKey)),
    ],
    ['an account that is not there', () => login(temporaryCredential({ account: 'nobody', device: 'SN-0' }, 'line-7', key))],
  ])('refuses a password for %s', async (_, loginFor) => {
    expect((await aaa.eap({ ...loginFor(newDevice()), phase2 })).success).toBe(false)
  })

  test.each([
    ['quotes and backslashes', 'SN-1"\\\\",\\"identity\\":\\"SN-2'],
    ['an expansion', '%{User-Password}%{exec:/bin/true}%d'],
    ['control characters and other alphabets', 'SN-1\n\r\t\u0001é\u007fπ'],
    ['bytes that are not text', new Uint8Array([0x53, 0xff, 0xfe, 0x80, 0x22])],
    ['a NUL', 'SN-1\0@acme.zipkey.test'],
    ['nothing but length', '"'.repeat(250)],
  ])('refuses a user name with %s, and serves on', async (_, identity) => {
    expect((await aaa.eap({ identity, password: 'any', phase2 })).success).toBe(false)
    expect((await aaa.eap({ ...login(newDevice()), phase2 })).success).toBe(true)
    expect(aaa.log()).not.toMatch(/segfault|JSON|malformed|Error parsing/i)
  })
})

test('an accept bounds the session, is proved again at its end, and its accounting is told by its handle', async () => {
  const issued = await swap(cloud, newDevice())
  await tokenOf(cloud, issued)
  const { output } = await aaa.eap({ ...login(issued), phase2: 'PAP' })
  expect(output).toMatch(/Attribute 27 \(Session-Timeout\) length=6\s+Value: 3600/)
  expect(output).toMatch(/Attribute 29 \(Termination-Action\) length=6\s+Value: 1/)
  const handle = /Attribute 25 \(Class\) length=18\s+Value: ([0-9a-f]{32})/.exec(output)?.[1]
  const packet = (status: string, seconds: number) =>
    `Acct-Status-Type=${status},Acct-Session-Id=s1,Acct-Session-Time=${seconds},Class=0x${handle},NAS-IP-Address=127.0.0.1`
  for (const [status, seconds] of [
    ['Start', 0],
    ['Stop', 42],
  ] as const) {
    const told = run('radclient', [`127.0.0.1:${aaa.acctPort}`, 'acct', aaa.radiusSecret])
    told.child.stdin?.end(`${packet(status, seconds)}\n`)
    await told
  }
  const audit = await cloud.audit('acme', issued.name.device)
  expect(audit.slice(-2).map(({ event, detail }) => `${event} ${detail}`)).toEqual([
    'hotspot-session started',
    'hotspot-session stopped after 42 s',
  ])
})

/** The same AAA server in another folder, with its configuration changed. */
async function withChangedAaa<T>(changes: Pick<AaaSite, 'change' | 'eapPwd'>, use: (changed: RunningAaa) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(folder, 'changed-'))
  const client = await cloud.createAaaClient(dir.slice(-6).toLowerCase(), REALM, ['acme'])
  const changed = await startAaa({ dir, cloudUrl: cloud.url, cloudCaPath: cloud.caPath, deviceCaPath, client, ...changes })
  return use(changed).finally(() => changed.stop())
}

const joinTwice = async (server: RunningAaa) => {
  const { success, output } = await server.eap({ ...login(newDevice()), phase2: 'PAP' }, ['-r', '1'])
  expect(success).toBe(true)
  return output.match(/resumed=[01]/g)
}

test('a session is never resumed: every join is a full EAP run', async () => {
  expect(await joinTwice(aaa)).toEqual(['resumed=0', 'resumed=0'])
})

test('the same supplicant would resume it at a server that keeps sessions', async () => {
  const keeping = `enable = yes\nname = sessions\nlifetime = 24\npersist_dir = "${await mkdtemp(join(folder, 'sessions-'))}"`
  const twice = withChangedAaa({ change: (conf) => conf.replace('enable = no', keeping) }, joinTwice)
  expect(await twice).toEqual(['resumed=0', 'resumed=1'])
})

test.each(['PAP', 'MSCHAPV2', 'PEAP'] as const)(
  'with %s TLS 1.3 is agreed on where the device offers it, and is never resumed',
  async (phase2) => {
    for (const tls of ['1.2', '1.3'] as const) {
      const { success, output } = await aaa.eap({ ...login(newDevice()), phase2, tls }, ['-r', '1'])
      expect(success).toBe(true)
      expect(new Set(output.match(/Using TLS version \S+/g))).toEqual(new Set([`Using TLS version TLSv${tls}`]))
      expect(output).not.toContain('resumed=1')
    }
    expect((await aaa.eap({ ...login(newDevice()), password: 'wrong', phase2, tls: '1.3' })).success).toBe(false)
  },
)

const askWithoutEap = (server: RunningAaa) => {
  const told = run('radclient', ['-x', '-r', '1', '-t', '1', `127.0.0.1:${server.authPort}`, 'auth', server.radiusSecret])
  told.child.stdin?.end('User-Name=x,User-Password=y\n')
  return told.then(
    ({ stdout }) => stdout,
    (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
  )
}

test('a request without Message-Authenticator gets no answer; without that rule it would get one', async () => {
  expect(await askWithoutEap(aaa)).toMatch(/No reply/)
  const change = (conf: string) => conf.replace('require_message_authenticator = yes', 'require_message_authenticator = no')
  expect(await withChangedAaa({ change }, askWithoutEap)).toMatch(/Received Access-Reject/)
})

describe('EAP-PWD', () => {
  test('is refused unless the site offers it', async () => {
    expect((await aaa.eapPwd(login(newDevice()))).success).toBe(false)
  })

  test('where it is offered, opens the hotspot to who knows the password, bounds the session, and both ends are told', async () => {
    await withChangedAaa({ eapPwd: true }, async (server) => {
      const temporary = newDevice()
      const { success, output } = await server.eapPwd(login(temporary))
      expect(success).toBe(true)
      expect(output).toMatch(/Attribute 27 \(Session-Timeout\) length=6\s+Value: 900/)
      expect(output).toMatch(/Attribute 25 \(Class\) length=18/)
      expect(await cloud.audit('acme', temporary.name.device)).toMatchObject([
        { event: 'hotspot-accepted', detail: expect.stringMatching(/^PWD/) },
      ])
      const stranger = await server.eapPwd({ ...login(temporary), password: 'wrong' }, ['-t', '2'])
      expect(stranger.success).toBe(false)
      expect(
        (await server.eapPwd(login(temporaryCredential({ account: 'acme', device: 'XX-1' }, 'line-7', key)), ['-t', '2'])).success,
      ).toBe(false)
      // Its other methods work beside it.
      expect((await server.eap({ ...login(temporary), phase2: 'PEAP' })).success).toBe(true)
      expect(server.log()).not.toContain(login(temporary).password)
    })
  })
})

test('the log of the AAA server holds no password', async () => {
  const temporary = newDevice()
  await aaa.eap({ ...login(temporary), phase2: 'PAP' })
  await aaa.eap({ ...login(temporary), password: 'a-wrong-password', phase2: 'PAP' })
  expect(aaa.log()).toContain(temporary.name.device)
  expect(aaa.log()).not.toContain(login(temporary).password)
  expect(aaa.log()).not.toContain('a-wrong-password')
})

test('with the cloud stopped EAP fails at once, and with the cloud back it works again', async () => {
  const temporary = newDevice()
  await cloud.stop()
  const away = await aaa.eap({ ...login(temporary), phase2: 'PAP' })
  expect(away.success).toBe(false)
  expect(away.tookMs).toBeLessThan(2000)
  await cloud.start()
  expect((await aaa.eap({ ...login(temporary), phase2: 'MSCHAPV2' })).success).toBe(true)
})

test.each([
  ['a quote', 'x"y'],
  ['an expansion', '%{exec:id}'],
  ['a variable', '$' + '{prefix}'],
  ['a second line', 'x\ny = z'],
])('a site value with %s is refused before anything is written', async (_, value) => {
  const paths = { cloudCaPath: '/ca.pem', serverCertPath: '/s.pem', serverKeyPath: '/s.key', deviceCaPath: '/c.pem', runDir: '/run' }
  const site = {
    directory: join(folder, 'never'),
    cloudUrl: cloud.url,
    aaaClientId: 'a',
    radiusSecret: 'b',
    listenAddress: '127.0.0.1',
    ...paths,
  }
  await expect(writeFreeradiusConfig({ ...site, aaaClientSecret: value })).rejects.toThrow(/aaa_client_secret/)
})
