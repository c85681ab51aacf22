/** A service manager that remembers what it was told. */
import type { ServiceManager } from '../../agent/ports.ts'

/** What a test can look at besides the port. */
export type FakeServiceManager = ServiceManager & { readonly told: readonly string[] }

/** Remembers each message in the words of sd_notify(3). */
export function createFakeServiceManager(watchdogEveryMs: number | null = null): FakeServiceManager {
  const told: string[] = []
  let lastStatus = ''
  return {
    told,
    watchdogEveryMs,
    ready: () => void told.push('READY=1'),
    status: (text) => {
      if (text !== lastStatus) told.push(`STATUS=${text.replace(/\p{Cc}+/gu, ' ')}`)
      lastStatus = text
    },
    watchdog: () => {
      if (watchdogEveryMs !== null) told.push('WATCHDOG=1')
    },
    stopping: () => void told.push('STOPPING=1'),
  }
}
