/** What every ServiceManager does, the real one and the fake. */
import { describe, expect, test } from 'vitest'
import type { ServiceManager } from '../../../agent/ports.ts'

/** A service manager with a watchdog, and what it told, once it has told everything; several lines may have gone in one message. */
export type ServiceWorld = { readonly service: ServiceManager; told(): Promise<readonly string[]> }

/** Runs the suite; each message goes out before the next call. */
export function serviceManagerSuite(name: string, createWorld: () => Promise<ServiceWorld>): void {
  describe(name, () => {
    test('tells what it is asked to, in order', async () => {
      const { service, told } = await createWorld()
      const calls = [
        () => service.status('starting'),
        () => service.ready(),
        () => service.status('joining ZipKey'),
        () => service.watchdog(),
        () => service.stopping(),
      ]
      for (const call of calls) {
        call()
        await told()
      }
      expect(await told()).toEqual(['STATUS=starting', 'READY=1', 'STATUS=joining ZipKey', 'WATCHDOG=1', 'STOPPING=1'])
    })

    test('does not repeat a status, and keeps it on one line', async () => {
      const { service, told } = await createWorld()
      service.status('two\nlines\tREADY=1')
      await told()
      service.status('two\nlines\tREADY=1')
      expect(await told()).toEqual(['STATUS=two lines READY=1'])
    })
  })
}
