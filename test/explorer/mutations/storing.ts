/** Mutations of: store (fsync) before use. */
import { BARE } from '../scenarios.ts'
import { FAULTS, type Mutation } from './mutation.ts'

const TRANSITION = 'agent/lifecycle/transition.ts'
const DIRECTORY = 'agent/store/state-directory.ts'
const SLOTS = 'agent/store/slots.ts'

export const STORE_BEFORE_USE: readonly Mutation[] = [
  {
    breaks: 'a secret is used without being stored',
    patch: {
      file: TRANSITION,
      replace: `return swap(journey, hold, token, { at: 'storing', credential: event.credential })`,
      by: 'return scan(withPending(journey, event.credential), FRESH_SCAN_MS)',
    },
    caughtAs: 'locked-out',
    scenario: BARE,
    depth: 0,
  },
  {
    breaks: 'a file is renamed before its data is flushed',
    patch: {
      file: DIRECTORY,
      replace: 'await this.#files.sync(fd)\n    } finally {\n      await this.#files.close(fd)\n    }\n  }\n\n  async #moveBack',
      by: '} finally {\n      await this.#files.close(fd)\n    }\n  }\n\n  async #moveBack',
    },
    caughtAs: 'locked-out',
    scenario: BARE,
    depth: 0,
  },
  {
    breaks: 'a rename is not flushed',
    patch: {
      file: DIRECTORY,
      replace: 'await this.#files.remove(temporary).catch(() => undefined)\n      throw error\n    }\n    await this.sync()',
      by: 'await this.#files.remove(temporary).catch(() => undefined)\n      throw error\n    }',
    },
    caughtAs: 'locked-out',
    scenario: BARE,
    depth: 0,
  },
  {
    breaks: 'a pending secret that was found after a kill is used before it is durable',
    patch: { file: SLOTS, replace: 'if (pending.value !== null) await this.#directory.sync()', by: '' },
    caughtAs: 'locked-out',
    scenario: BARE,
    depth: 1,
  },
  {
    breaks: 'an I/O error of the store is taken for success',
    patch: { file: DIRECTORY, replace: 'await this.#files.remove(temporary).catch(() => undefined)\n      throw error', by: 'return' },
    caughtAs: 'locked-out',
    scenario: FAULTS,
    depth: 1,
  },
  {
    breaks: 'a secret is said to be stored before it is',
    patch: { file: 'agent/execute.ts', replace: 'await store.storePending(credential)', by: 'await Promise.resolve(credential)' },
    caughtAs: 'locked-out',
    scenario: BARE,
    depth: 0,
  },
]
