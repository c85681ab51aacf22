import { describe, expect, it } from 'vitest'
import { deadlinesOf } from '../../agent/execute.ts'
import { AgentError } from '../../agent/failure.ts'
import type { Effect, Event, State } from '../../agent/lifecycle/state.ts'
import type { Log } from '../../agent/log.ts'
import { type Executors, run } from '../../agent/run.ts'
import { FakeClock } from '../fakes/clock.ts'
import { createFakeServiceManager } from '../fakes/service-manager.ts'
import { bssAt, currentCandidate, failureOf, linkOn, tokenOf } from './lifecycle/samples.ts'

type Line = { readonly level: string; readonly fields: Readonly<Record<string, unknown>>; readonly text: string }

const timers = { scanMs: 15_000, joinMs: 20_000, addressMs: 15_000, cloudCallMs: 10_000 }

function recordingLog(lines: Line[]): Log {
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, text = ''): void =>
      void lines.push({ level, fields, text })
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  } as unknown as Log
}

const forEver = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

/** Executors of a device that goes straight to steady; a test replaces the ones it is about. */
const smooth = (clock: FakeClock): Executors => ({
  load: async () => ({ type: 'loaded', candidates: [currentCandidate('mk-1')], clockTrusted: true, isPartial: false, known: [] }),
  scan: async () => ({ type: 'scanned', bsss: [bssAt(1)] }),
  join: async ({ bss }) => ({ type: 'joined', link: linkOn(bss) }),
  'ask-time': async () => ({ type: 'time-known', challenge: 'c' }),
  authenticate: async () => ({ type: 'authenticated', token: tokenOf('device') }),
  'request-swap': () => Promise.reject(new Error('not in this story')),
  'store-pending': () => Promise.reject(new Error('not in this story')),
  promote: () => Promise.reject(new Error('not in this story')),
  'renew-profiles': (_, signal) => forEver(signal),
  'remember-hotspots': async () => ({ type: 'remembered' }),
  'keep-token': (_, signal) => forEver(signal),
  wait: async ({ atLeastMs }, signal) => {
    await clock.sleep(Math.max(atLeastMs, 1_000), signal)
    return { type: 'waited' }
  },
  'watch-link': (_, signal) => forEver(signal),
  'watch-radio': (_, signal) => forEver(signal),
  'watch-orders': (_, signal) => forEver(signal),
})

function start(replace: (clock: FakeClock) => Partial<Executors>, watchdogEveryMs: number | null = null) {
  const clock = new FakeClock()
  const lines: Line[] = []
  const service = createFakeServiceManager(watchdogEveryMs)
  const stop = new AbortController()
  const executors = { ...smooth(clock), ...replace(clock) }
  const ended = run({ executors, deadlines: deadlinesOf(timers), clock, log: recordingLog(lines), service, signal: stop.signal })
  return { clock, lines, service, stop, ended, events: () => lines.map(({ fields }) => fields.event) }
}

describe('the run loop', () => {
  it('walks to steady, says ready once, and ends when asked to', async () => {
    const { clock, service, stop, ended, events } = start(() => ({}))
    await clock.advance(100)
    expect(events()).toEqual(['loaded', 'scanned', 'joined', 'authenticated', 'remembered'])
    expect(service.told.filter((line) => line === 'READY=1')).toHaveLength(1)
    expect(service.told.at(-1)).toContain('STATUS=steady on ZipKey')
    stop.abort()
    expect((await ended).phase).toBe('steady')
  })

  it('tells why a scan that went well leads nowhere, with code and remedy', async () => {
    const { clock, lines, stop, ended } = start(() => ({ scan: async () => ({ type: 'scanned', bsss: [] }) }))
    await clock.advance(100)
    const told = lines.map(({ level, fields }) => [level, fields.event, fields.to, fields.code])
    expect(told.slice(1)).toEqual([
      ['info', 'scanned', 'waiting', undefined],
      ['warn', 'failed', 'waiting', 'ERR_WIFI_NO_HOTSPOT'],
    ])
    expect(lines.at(-1)?.fields.remedy).toContain('hotspots[].ssid')
    stop.abort()
    await ended
  })

  it('turns an adapter that never answers into a failure, and aborts it', async () => {
    let aborted = false
    const { clock, lines, stop, ended } = start(() => ({
      scan: (_, signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = true
          })
        }),
    }))
    await clock.advance((deadlinesOf(timers).scan?.ms ?? 0) + 1)
    expect(lines.at(1)?.fields).toMatchObject({ event: 'failed', code: 'ERR_WIFI_SUPPLICANT' })
    expect(aborted).toBe(true)
    stop.abort()
    await ended
  })

  it('drops the answer of an effect that was left, however late it comes', async () => {
    let answerLate: (event: Event) => void = () => {}
    let calls = 0
    const { clock, events, stop, ended } = start(() => ({
      'watch-link': (_, signal) => (calls++ === 0 ? new Promise((resolve) => (answerLate = resolve)) : forEver(signal)),
    }))
    await clock.advance(10)
    answerLate({ type: 'link-lost', failure: failureOf('ERR_WIFI_LINK_LOST') })
    await clock.advance(10)
    expect(events()).not.toContain('link-lost')
    stop.abort()
    expect((await ended).phase).toBe('steady')
  })

  it('turns an AgentError into a failed event with its code, detail and remedy', async () => {
    const { clock, lines, stop, ended } = start(() => ({
      authenticate: () => Promise.reject(new AgentError('ERR_CLOUD_BUSY', 'the cloud is busy', { retryAfterMs: 90_000 })),
    }))
    await clock.advance(10)
    const line = lines.find(({ fields }) => fields.event === 'failed')
    expect(line).toMatchObject({ level: 'warn', fields: { code: 'ERR_CLOUD_BUSY', detail: 'the cloud is busy', retryAfterMs: 90_000 } })
    expect(line?.fields.remedy).toBeTruthy()
    stop.abort()
    await ended
  })

  it('takes the failure of a link watch for a lost link', async () => {
    const { clock, events, stop, ended } = start(() => ({
      'watch-link': () => Promise.reject(new AgentError('ERR_WIFI_SUPPLICANT', 'wpa_supplicant went away')),
    }))
    await clock.advance(10)
    expect(events()).toContain('link-lost')
    stop.abort()
    await ended
  })

  it('lets a bug end the process', async () => {
    const { ended } = start(() => ({ scan: () => Promise.reject(new TypeError('a bug')) }))
    await expect(ended).rejects.toThrow('a bug')
  })

  it('ends when the lifecycle halts', async () => {
    const { ended } = start(() => ({
      load: async () => ({ type: 'loaded', candidates: [], clockTrusted: true, isPartial: false, known: [] }),
    }))
    const last: State = await ended
    expect(last).toMatchObject({ phase: 'halted', because: { code: 'ERR_CREDENTIAL_MISSING' } })
  })

  it('feeds the watchdog from the loop while nothing happens', async () => {
    const { clock, service, stop, ended } = start(() => ({}), 1_000)
    await clock.advance(10_000)
    expect(service.told.filter((line) => line === 'WATCHDOG=1').length).toBeGreaterThanOrEqual(10)
    stop.abort()
    await ended
  })

  it('aborts everything under way when it is asked to stop', async () => {
    const aborted: Effect['do'][] = []
    const { clock, stop, ended } = start(() => ({
      'keep-token': (effect, signal) => {
        signal.addEventListener('abort', () => aborted.push(effect.do))
        return forEver(signal)
      },
    }))
    await clock.advance(10)
    stop.abort()
    await ended
    expect(aborted).toEqual(['keep-token'])
  })
})
