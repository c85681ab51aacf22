/** `zipkey-factory verify`: what a station says about good devices, and about every way in which one is wrong. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openBatch } from '../../../scripts/factory/batch/batch-record.ts'
import { openTarget } from '../../../scripts/factory/target/open-target.ts'
import { readTrust } from '../../../scripts/factory/verify/certificate-check.ts'
import { type Expectations, verifyDevice } from '../../../scripts/factory/verify/verify-device.ts'
import { openssl, ProductionLine } from './production-line.ts'

let at: ProductionLine
beforeAll(async () => {
  at = new ProductionLine(afterAll)
  await at.makeFactoryKey()
  at.put('ids.csv', 'id,model\nSN-1,X\nSN-2,Größe 7\nSN-3,Z\n')
  at.put('label.json', JSON.stringify({ qr: 'https://acme.example/{model}/{id}', widthMm: 60, heightMm: 40 }))
  const labels = ['--label-template', 'label.json', '--batch', 'reel-1']
  for (const made of [
    await at.run(at.labelled('certificates', '--ids', 'ids.csv', ...at.certificates, ...labels)),
    await at.run(at.labelled('secrets', '--count', '30', '--pattern', 'S-{01..}', '--credential', 'shared-secret')),
    await at.run(at.batch('golden', '--count', '2', '--pattern', 'G-{1..}', '--credential', 'shared-secret', '--id-from', 'dmi')),
  ])
    expect(made).toMatchObject({ code: 0, stderr: '' })
  for (const [batch, id] of [
    ['certificates', 'SN-2'],
    ['secrets', 'S-07'],
    ['golden', 'G-2'],
  ] as const) {
    mkdirSync(at.path(`good-${batch}`))
    expect(await at.run(['flash', '--batch', batch, id, `directory:${at.path(`good-${batch}`)}`])).toMatchObject({ code: 0 })
  }
})

let device = ''
beforeEach(() => {
  rmSync(at.path('device'), { recursive: true, force: true })
  device = at.path('device/etc/zipkey/ca.json')
})

/** A copy of a good device, to spoil. */
const copyOf = (batch: string): void => cpSync(at.path(`good-${batch}`), at.path('device'), { recursive: true })

/** What fails, and why; none on a good device. */
async function failures(batch: string, settings: Partial<Expectations> = {}): Promise<Readonly<Record<string, string>>> {
  const target = await openTarget(`directory:${at.path('device')}`, [])
  const trust = readTrust(at.path('root.pem'))
  const usual = { id: null, folder: '/etc/zipkey', trust, indexFile: at.path('issued-ids.csv'), labelFile: null, nowMs: Date.now() }
  const { checks } = await verifyDevice(target, { batch: await openBatch(at.path(batch)), ...usual, ...settings })
  return Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, reason }) => [name, reason]))
}

/** Puts other members into the config of the copy. */
const spoil = (members: object): void => writeFileSync(device, JSON.stringify({ ...JSON.parse(readFileSync(device, 'utf8')), ...members }))

/** Puts other members into its credential. */
function spoilCredential(change: (credential: Readonly<Record<string, string>>) => object): void {
  const [credential] = JSON.parse(readFileSync(device, 'utf8')).credentials
  spoil({ credentials: [{ ...credential, ...change(credential) }] })
}

describe('a good device passes', () => {
  it('with its certificate and its label in the PDF, on the command line', async () => {
    const parameters = ['--batch', 'certificates', '--ca-file', 'root.pem', '--label', 'certificates/labels/labels-0001.pdf']
    const ended = await at.run(['verify', `directory:${at.path('good-certificates')}`, ...parameters])
    expect([ended.code, ended.stderr]).toEqual([0, ''])
    expect(ended.stdout.trimEnd().split('\n')).toEqual([
      'ok    config      valid for the agent',
      'ok    device      SN-2 of batch reel-1',
      'ok    credential  as in the run log',
      'ok    chain       leads to the CA, for its own key',
      'ok    unique      nothing else has this id',
      'ok    label       scans to https://acme.example/Größe 7/SN-2',
      'PASS  SN-2',
    ])
  })

  it('with a secret, and with a golden config, whose credential says who it is', async () => {
    copyOf('secrets')
    expect(await failures('secrets', { id: 'S-07' })).toEqual({})
    rmSync(at.path('device'), { recursive: true })
    copyOf('golden')
    expect(await failures('golden')).toEqual({})
    expect(await failures('golden', { id: 'G-2' })).toEqual({})
  })

  it('by its image, too', async () => {
    execFileSync('/usr/sbin/mkfs.ext4', ['-q', at.path('rootfs.img'), '8M'], { stdio: 'pipe' })
    const target = `image:${at.path('rootfs.img')}`
    await at.run(['flash', '--batch', 'secrets', 'S-08', target])
    expect(await at.run(['verify', target, '--batch', 'secrets'])).toMatchObject({ code: 0, stdout: expect.stringContaining('PASS  S-08') })
  })
})

describe('a device fails, and the station says why', () => {
  const otherKey = (): string => openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256')

  it.each<[string, string, () => void, Partial<Expectations>, Readonly<Record<string, unknown>>]>([
    [
      'a config that the agent refuses',
      'secrets',
      () => spoil({ hotspots: [] }),
      {},
      { config: expect.stringMatching(/^ca\.json: hotspots: expected at least 1/) },
    ],
    ['another device', 'secrets', () => {}, { id: 'S-01' }, { device: 'it is S-07, not S-01' }],
    [
      'an id that nobody made',
      'secrets',
      () => spoil({ device: { id: 'S-99' } }),
      {},
      { device: expect.stringMatching(/^S-99 is not of batch/), credential: 'there is none in the batch to compare it with' },
    ],
    [
      'the id of one device with the secret of another',
      'secrets',
      () => spoil({ device: { id: 'S-08' } }),
      {},
      { credential: 'is not the one that was made for this device' },
    ],
    [
      'no credential',
      'secrets',
      () => spoil({ credentials: [] }),
      {},
      { credential: 'there is no credential', config: expect.any(String) },
    ],
    [
      'a torn secret',
      'golden',
      () => writeFileSync(at.path('device/etc/zipkey/device.secret'), 'zks_abc'),
      { id: 'G-2' },
      { credential: expect.stringMatching(/truncated/), config: expect.any(String) },
    ],
    [
      'the secret of another device beside a golden config',
      'golden',
      () => writeFileSync(at.path('device/etc/zipkey/device.secret'), at.read('golden/credentials/G-1.secret')),
      { id: 'G-2' },
      { credential: 'is not the one that was made for this device' },
    ],
    [
      'another key',
      'certificates',
      () => spoilCredential(() => ({ privateKey: otherKey() })),
      {},
      { chain: 'the private key is not the one of the certificate', config: expect.any(String) },
    ],
    [
      'a damaged key',
      'certificates',
      () => spoilCredential(() => ({ privateKey: 'x' })),
      {},
      { chain: 'the private key is damaged', config: expect.any(String) },
    ],
    [
      'the certificate of another device with its key',
      'certificates',
      () => spoil({ credentials: JSON.parse(at.read('certificates/configs/SN-1.json')).credentials }),
      {},
      { credential: 'is not the one that was made for this device' },
    ],
    [
      'a chain that is cut off',
      'certificates',
      () => spoilCredential(({ certificate = '' }) => ({ certificate: certificate.slice(0, certificate.indexOf('-----END') + 26) })),
      {},
      { chain: 'the chain does not lead to the CA that is trusted' },
    ],
    [
      'a certificate that has ended',
      'certificates',
      () => {},
      { nowMs: Date.now() + 40 * 86_400_000 },
      { chain: expect.stringMatching(/outside its dates/) },
    ],
  ])('%s', async (_, batch, spoilIt, settings, expected) => {
    copyOf(batch)
    spoilIt()
    expect(await failures(batch, settings)).toEqual(expected)
  })

  it('for an id that another batch has, or that was flashed onto two things', async () => {
    copyOf('secrets')
    at.put('other-ids.csv', 'acme,s-07,another\n')
    expect(await failures('secrets', { indexFile: at.path('other-ids.csv') })).toEqual({ unique: 'batch another has this id too' })
    renameSync(at.path('secrets/flash-log.ndjson'), at.path('one-station.ndjson'))
    const line = { at: '2026-11-24T12:00:00Z', id: 'S-07', result: 'flashed', ms: 1, again: false, reason: null }
    const lines = ['image:/dev/sdb', 'image:/dev/sdc'].map((target) => JSON.stringify({ ...line, target }))
    at.put('secrets/flash-log.ndjson', lines.join('\n'))
    expect(await failures('secrets')).toEqual({ unique: 'was flashed onto image:/dev/sdb and image:/dev/sdc' })
    renameSync(at.path('one-station.ndjson'), at.path('secrets/flash-log.ndjson'))
  })

  it('without a config, in one line', async () => {
    mkdirSync(at.path('device'))
    const ended = await at.run(['verify', `directory:${at.path('device')}`, '--batch', 'secrets', '--json'])
    expect([ended.code, JSON.parse(ended.stdout)]).toEqual([
      74,
      { ok: false, exit: 74, problems: [{ problem: '/etc/zipkey/ca.json is not there' }] },
    ])
  })
})

describe('a label', () => {
  /** A photo: turned, unsharp, on grey. */
  function photo(pdf: string, page: number, area: readonly [number, number], name: string): string {
    const [x, y] = area.map((mm) => Math.round((mm * 150) / 25.4))
    const rendered = `pdftoppm -r 150 -f ${page} -l ${page} -x ${x} -y ${y} -W 354 -H 236 ${at.path(pdf)}`
    const encoder = name.endsWith('.jpg') ? 'pnmtojpeg -quality=60' : 'pnmtopng'
    const shell = `${rendered} | pnmrotate -background='#b0b0b0' 7 | pnmsmooth | ${encoder} > ${at.path(name)}`
    execFileSync('bash', ['-o', 'pipefail', '-c', shell], { stdio: 'pipe' })
    return at.path(name)
  }

  it.each(['photo.jpg', 'photo.png'])('is read from a photo: %s', async (name) => {
    copyOf('certificates')
    const labels = 'certificates/labels/labels-0001.pdf'
    expect(await failures('certificates', { labelFile: photo(labels, 1, [68, 8], name) })).toEqual({})
    expect(await failures('certificates', { labelFile: photo(labels, 1, [8, 8], name) })).toEqual({
      label: 'scans to https://acme.example/X/SN-1',
    })
  })

  it('is found on its sheet', async () => {
    copyOf('secrets')
    expect(await failures('secrets', { labelFile: at.path('secrets/labels/labels-0001.pdf') })).toEqual({})
    expect(await failures('secrets', { labelFile: at.path('certificates/labels/labels-0001.pdf') })).toHaveProperty('label')
  })

  it('that is no picture, or shows no code, is told apart', async () => {
    copyOf('certificates')
    expect((await failures('certificates', { labelFile: at.path('ids.csv') })).label).toContain('cannot be read')
    execFileSync('bash', ['-c', `ppmmake white 200 200 | pnmtopng > ${at.path('white.png')}`], { stdio: 'pipe' })
    expect(await failures('certificates', { labelFile: at.path('white.png') })).toEqual({
      label: 'no QR code is found: take a sharper picture',
    })
    expect((await failures('golden', { labelFile: at.path('white.png') })).label).toBe('this batch has no label for it')
  })
})
