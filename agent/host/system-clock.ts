/** Sets the machine's clock, for which Node has no call, by date(1) of coreutils or busybox. */
import { AgentError } from '../failure.ts'
import type { SystemClock } from '../ports.ts'
import { type Ended, runProgram } from './run-program.ts'

const TIMEOUT_MS = 5_000
/** date(1) of busybox takes whole seconds only. */
const TOLERANCE_MS = 1_000

/** The clock of this machine; `program` is another date(1), for tests. */
export function createSystemClock(options: { readonly program?: string } = {}): SystemClock {
  const name = options.program ?? 'date'
  return {
    set: async (timeMs) => {
      const args = ['-u', '-s', `@${Math.round(timeMs / 1000)}`]
      const startedMs = performance.now()
      let ended: Ended
      try {
        ended = await runProgram({ name, args, environment: {}, timeoutMs: TIMEOUT_MS })
      } catch (error) {
        throw new AgentError('ERR_CLOCK_NOT_SET', 'cannot run date, which sets the clock', { cause: error })
      }
      if (ended.exitCode !== 0) throw new AgentError('ERR_CLOCK_NOT_SET', ended.complaint || `date ended with ${ended.exitCode}`)
      // busybox ends well even where it complains that it may not. Setting took effect at some moment in between.
      const tookMs = performance.now() - startedMs
      const offMs = Math.abs(Date.now() - timeMs - tookMs)
      if (offMs > TOLERANCE_MS + tookMs) {
        throw new AgentError('ERR_CLOCK_NOT_SET', ended.complaint || 'date ended well, and the clock is not set')
      }
    },
  }
}
