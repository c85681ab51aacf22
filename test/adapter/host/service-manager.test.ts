import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createServiceManager } from '../../../agent/host/service-manager.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { serviceManagerSuite } from './service-manager-suite.ts'

const WATCHDOG = { WATCHDOG_USEC: '30000000' }

/** A receiver in the place of systemd; `messages` holds one entry per datagram. */
async function startReceiver(delayS = 0): Promise<{ readonly socket: string; readonly messages: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-notify-'))
  const socket = join(folder, 'notify')
  const child = spawn('python3', [join(import.meta.dirname, 'notify-receiver.py'), socket, String(delayS)])
  onTestFinished(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const messages: string[] = []
  let rest = ''
  const listening = new Promise<void>((resolve) => {
    child.stdout.on('data', (text: Buffer) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === 'listening') resolve()
        else messages.push(String(JSON.parse(line)))
      }
    })
  })
  await Promise.race([listening, once(child, 'exit').then(() => Promise.reject(new Error('the receiver ended')))])
  return { socket, messages }
}

/** systemd-notify sends its barrier as a message of its own. */
const linesOf = (messages: readonly string[]): readonly string[] =>
  messages.flatMap((message) => message.split('\n')).filter((line) => line !== '' && line !== 'BARRIER=1')

/** Our lines came, and the barriers too, which prove that the sender stayed until they were read. */
const untilQuiet = async (messages: readonly string[]): Promise<void> => {
  for (let before = -1; before !== messages.length; ) {
    before = messages.length
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
}

serviceManagerSuite('systemd', async () => {
  const { socket, messages } = await startReceiver()
  const service = createServiceManager({ environment: { NOTIFY_SOCKET: socket, ...WATCHDOG }, pid: process.pid, log: createKeptLog().log })
  return {
    service,
    told: async () => {
      await service.flushed()
      await untilQuiet(messages)
      return linesOf(messages)
    },
  }
})

describe('with a slow reader', () => {
  test('nothing blocks, calls that pile up become one message, and only the last status of them is told', async () => {
    const { socket, messages } = await startReceiver(0.1)
    const service = createServiceManager({
      environment: { NOTIFY_SOCKET: socket, ...WATCHDOG },
      pid: process.pid,
      log: createKeptLog().log,
    })
    service.status('one')
    const startedMs = performance.now()
    for (const text of ['two', 'three']) service.status(text)
    service.ready()
    for (const text of ['four', 'five']) service.status(text)
    for (let round = 0; round < 50; round++) service.watchdog()
    expect(performance.now() - startedMs).toBeLessThan(50)
    await service.flushed()
    await untilQuiet(messages)
    expect(messages.filter((message) => message !== 'BARRIER=1').map((message) => message.trim())).toEqual([
      'STATUS=three\nREADY=1',
      'STATUS=five\nWATCHDOG=1',
    ])
  })

  test('what is not urgent waits for more to tell, and then goes by itself', async () => {
    const { socket, messages } = await startReceiver()
    const environment = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '800000' }
    const service = createServiceManager({ environment, pid: process.pid, log: createKeptLog().log })
    for (const text of ['scanning', 'joining']) service.status(text)
    service.watchdog()
    expect(messages).toEqual([])
    await expect.poll(() => linesOf(messages)).toEqual(['STATUS=joining', 'WATCHDOG=1'])
    service.status('steady')
    await expect.poll(() => linesOf(messages)).toContain('STATUS=steady')
  })

  test('each message was read before the next is sent', async () => {
    const { socket, messages } = await startReceiver(0.05)
    const service = createServiceManager({ environment: { NOTIFY_SOCKET: socket }, pid: process.pid, log: createKeptLog().log })
    service.ready()
    service.stopping()
    await service.flushed()
    await untilQuiet(messages)
    expect(messages.map((message) => message.trim())).toEqual(['READY=1', 'BARRIER=1', 'STOPPING=1', 'BARRIER=1'])
  })
})

describe('without systemd', () => {
  test.each([[{}], [{ NOTIFY_SOCKET: '' }]])('nothing is sent: %j', async (environment) => {
    const kept = createKeptLog()
    const service = createServiceManager({ environment, pid: process.pid, log: kept.log })
    service.ready()
    service.stopping()
    await service.flushed()
    expect(kept.lines).toEqual([])
  })

  test('a socket that nobody reads is told to the log, and stops nothing', async () => {
    const kept = createKeptLog()
    const service = createServiceManager({ environment: { NOTIFY_SOCKET: '/nowhere/notify' }, pid: process.pid, log: kept.log })
    service.ready()
    await service.flushed()
    service.stopping()
    await service.flushed()
    expect(kept.lines).toHaveLength(2)
    expect(kept.lines[0]).toMatchObject({ level: 40, msg: 'systemd did not take a notification' })
  })
})

describe('the watchdog', () => {
  test.each([
    ['off', {}, null],
    ['on, for any process', { WATCHDOG_USEC: '30000000' }, 15_000],
    ['on, for this process', { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '42' }, 1_500],
    ['on, for another process', { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '43' }, null],
    ['malformed', { WATCHDOG_USEC: 'soon' }, null],
    ['zero', { WATCHDOG_USEC: '0' }, null],
  ])('that is %s is fed every half period', (_, environment, everyMs) => {
    expect(createServiceManager({ environment, pid: 42, log: createKeptLog().log }).watchdogEveryMs).toBe(everyMs)
  })

  test('that is off gets nothing', async () => {
    const { socket, messages } = await startReceiver()
    const service = createServiceManager({ environment: { NOTIFY_SOCKET: socket }, pid: process.pid, log: createKeptLog().log })
    service.watchdog()
    service.ready()
    await service.flushed()
    await untilQuiet(messages)
    expect(linesOf(messages)).toEqual(['READY=1'])
  })
})
