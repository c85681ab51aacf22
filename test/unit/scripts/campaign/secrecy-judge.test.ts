import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHANNEL_NAMES, type Channel } from '../../../../scripts/campaign/secrecy/channels.ts'
import { asLines, drawDecoy } from '../../../../scripts/campaign/secrecy/decoys.ts'
import type { Harvest } from '../../../../scripts/campaign/secrecy/harvest.ts'
import { judgeChannels, judgeControls } from '../../../../scripts/campaign/secrecy/judge.ts'
import { objectToReaders } from '../../../../scripts/campaign/secrecy/owned-files.ts'
import { bareKey, deviceSecret } from '../../../../scripts/campaign/secrecy/secret.ts'
import { readTar } from '../../../../scripts/campaign/secrecy/tar.ts'

const secrets = [
  bareKey('master key', Buffer.alloc(32, 'k')),
  ...deviceSecret('temporary secret', Buffer.alloc(32, 't'), { account: 'a', device: 'd' }, 'x'),
]
const decoys = CHANNEL_NAMES.map(drawDecoy)

function harvestWith(extra: Partial<Record<Channel, string>>, controls: Partial<Harvest['controls']> = {}): Harvest {
  const channels = Object.fromEntries(
    decoys.map((decoy) => [decoy.channel, Buffer.concat([asLines(decoy), Buffer.from(extra[decoy.channel] ?? '')])]),
  )
  const none = Buffer.alloc(0)
  return {
    channels: channels as Harvest['channels'],
    controls: { 'device’s disks': none, 'bus: root': none, 'bus: netdev': none, ...controls },
    ...{ files: [], owned: '', accounts: '', sampling: '' },
  }
}

describe('the verdict of the secrecy campaign', () => {
  it('is clean where every decoy is found and no secret is', () => {
    for (const verdict of judgeChannels(harvestWith({}), secrets, decoys)) expect(verdict).toMatchObject({ findings: [], missing: [] })
  })

  it.each([
    ['a secret', Buffer.alloc(32, 'k').toString('base64'), /master key \(bytes, base64\+0\)/],
    ['a token beside the planted one', 'Bearer eyJhbGciOiJFUzI1NiJ9.e30.x', /any access token or assertion/],
    ['a token in hexadecimal', Buffer.from('eyJhbGciOiJIUzI1NiJ9').toString('hex'), /any access token/],
  ])('names %s and its channel', (_, leak, expected) => {
    const verdicts = judgeChannels(harvestWith({ journal: leak }), secrets, decoys)
    expect(verdicts.flatMap(({ channel, findings }) => findings.map((finding) => `${channel}: ${finding}`)).join()).toMatch(expected)
    expect(verdicts.filter(({ findings }) => findings.length > 0).map(({ channel }) => channel)).toEqual(['journal'])
  })

  it('names what was planted and not found', () => {
    const harvest = harvestWith({})
    const verdicts = judgeChannels({ ...harvest, channels: { ...harvest.channels, air: Buffer.from('beacons') } }, secrets, decoys)
    const air = verdicts.find(({ channel }) => channel === 'air')
    expect(air?.found).toBe(0)
    expect(air?.missing).toHaveLength(air?.planted ?? -1)
  })

  it('objects to a control that does not see what it must, and to one that sees more than it may', () => {
    const password = secrets.find(({ name }) => name === 'temporary secret: hotspot password')?.shapes[0]?.value ?? Buffer.alloc(0)
    const [, bus] = judgeControls(harvestWith({}), secrets)
    expect(bus?.problems).toEqual(['temporary secret: hotspot password was not found'])
    const [, seen] = judgeControls(harvestWith({}, { 'bus: root': Buffer.concat([password, Buffer.alloc(32, 'k')]) }), secrets)
    expect(seen?.problems).toEqual(['master key does not belong there'])
  })
})

describe('other readers of the agent’s files', () => {
  const accounts = 'zipkey:x:993:993::/:/\nzipkey:x:993:\n'
  it.each([
    ['600 993 993 f /var/lib/zipkey/current.json', 0],
    ['640 993 993 f /etc/zipkey/ca.json', 0],
    ['640 0 0 f /etc/zipkey/ca.json', 0],
    ['604 993 993 f /var/lib/zipkey/current.json', 1],
    ['640 993 100 f /etc/zipkey/ca.json', 1],
    ['600 1000 993 f /etc/zipkey/ca.json', 1],
  ])('%s: %d objections', (line, count) => {
    expect(objectToReaders(`${line}\n`, accounts)).toHaveLength(count)
  })

  it('objects to a member of the group', () => {
    expect(objectToReaders('', accounts.replace('993:\n', '993:eve\n'))).toEqual(['group zipkey has members: eve'])
  })
})

describe('the reader of archives', () => {
  it('gives each file of tar(1), with long names too', () => {
    const folder = mkdtempSync(join(tmpdir(), 'zipkey-tar-'))
    try {
      const long = `${'n'.repeat(120)}.txt`
      writeFileSync(join(folder, 'short'), 'abc')
      writeFileSync(join(folder, long), 'x'.repeat(600))
      const archive = execFileSync('tar', ['-C', folder, '-c', '.'])
      const files = new Map(readTar(archive).map(({ path, content }) => [path, content.toString()]))
      expect(files.get('./short')).toBe('abc')
      expect(files.get(`./${long}`)).toBe('x'.repeat(600))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
