import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAlarmTeller } from '../../../cloud/alarm-command.ts'
import type { Alarm } from '../../../cloud/store/alarms.ts'

const alarm = (count: number, device = 'SN-1'): Alarm => ({
  id: `alarm-${device}`,
  account: 'acme',
  device,
  kind: 'identity-shared',
  detail: "it's two; $(reboot)",
  count,
  atMs: 1,
  lastMs: 2,
  acknowledged: null,
})

let folder: string
let warned: object[]
let failed: object[]
const log = { warn: (fields: object) => void warned.push(fields), error: (fields: object) => void failed.push(fields) }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-alarm-'))
  warned = []
  failed = []
})
afterEach(() => rm(folder, { recursive: true }))

const told = async (): Promise<readonly object[]> => {
  const text = await readFile(join(folder, 'told'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** Waits for what the teller has begun and what stands in line. */
async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('the alarm command', () => {
  it('gets each alarm as JSON on its stdin, as the API shows it, one after the other', async () => {
    const teller = createAlarmTeller({ command: ['sh', '-c', `cat >> "$1"`, 'sh', join(folder, 'told')], log })
    for (const device of ['SN-1', 'SN-2', 'SN-3']) teller.tell(alarm(1, device))
    await until(async () => (await told()).length === 3)
    await teller.close()
    const shown = { account: 'acme', kind: 'identity-shared', detail: "it's two; $(reboot)", count: 1, at_ms: 1, last_ms: 2 }
    expect(await told()).toMatchObject(['SN-1', 'SN-2', 'SN-3'].map((device) => ({ ...shown, device })))
    expect([warned.length, failed]).toEqual([3, []])
  })

  it('is told again when the count has doubled, and so is the log', async () => {
    const teller = createAlarmTeller({ command: null, log })
    for (let count = 1; count <= 20; count++) teller.tell(alarm(count))
    expect(warned).toMatchObject([1, 2, 4, 8, 16].map((count) => ({ count })))
    await teller.close()
  })

  it.each<[string, readonly string[], RegExp]>([
    ['is not there', ['/no/such/program'], /ENOENT/],
    ['fails', ['sh', '-c', 'cat > /dev/null; echo out of paper >&2; exit 7'], /^exit code 7 out of paper$/],
    ['does not read', ['true'], /^$/],
    ['takes too long', ['sleep', '60'], /^SIGKILL/],
    ['leaves a child behind', ['sh', '-c', 'sleep 5 & exit 7'], /^exit code 7$/],
  ])('that %s is a line in the log and no more', async (_, command, reason) => {
    const teller = createAlarmTeller({ command, log, timeoutMs: 300 })
    teller.tell(alarm(1))
    teller.tell(alarm(1, 'SN-2'))
    const expected = reason.source === '^$' ? 0 : 2
    await until(async () => failed.length === expected)
    await teller.close()
    for (const line of failed) expect(line).toMatchObject({ reason: expect.stringMatching(reason) })
  })

  it('is not flooded: what does not fit in the line is told of in the log alone', async () => {
    const teller = createAlarmTeller({ command: ['sleep', '60'], log, timeoutMs: 300 })
    for (let index = 0; index < 110; index++) teller.tell(alarm(1, `SN-${index}`))
    expect([warned.length, failed.length]).toEqual([110, 9])
    await teller.close()
  })
})
