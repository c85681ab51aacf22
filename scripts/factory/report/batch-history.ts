/** What happened to the devices of a batch, from all the logs beside it. */
import { join } from 'node:path'
import { REGISTRATION_LIMITS } from '../../../agent/contract/registration.ts'
import { RUN_LOG } from '../batch/batch-folder.ts'
import type { BatchRecord } from '../batch/batch-record.ts'
import { devicesOf } from '../batch/run-log.ts'
import { readRegistrationLog } from '../cloud/registration-log.ts'
import { type FlashLine, readFlashLog } from '../flash/flash-log.ts'
import { readVerifyLog, type VerifyLine } from '../verify/verify-log.ts'

/** How far a device has come; null where nothing is known. What was flashed once stays so; of verdicts the last counts. */
export type DeviceHistory = {
  readonly flashed: 'yes' | 'failed' | null
  readonly verified: 'passed' | 'failed' | null
  readonly registered: 'yes' | 'conflict' | 'refused' | null
}

/** What happened to a batch. */
export type BatchHistory = {
  readonly ids: readonly string[]
  readonly flashes: readonly FlashLine[]
  readonly verdicts: readonly VerifyLine[]
  readonly registrationProblems: readonly { readonly id: string; readonly message: string }[]
  readonly of: (id: string) => DeviceHistory
}

/** Reads the logs. Which devices a part of the manifest holds follows from their order. */
export async function readBatchHistory({ folder }: BatchRecord): Promise<BatchHistory> {
  const [flashes, verdicts, parts] = [readFlashLog(folder), readVerifyLog(folder), readRegistrationLog(folder, null)]
  const flashed = new Set(flashes.flatMap(({ id, result }) => (result === 'flashed' ? [id] : [])))
  const tried = new Set(flashes.map(({ id }) => id))
  const verified = new Map(verdicts.map(({ id, passed }) => [id, passed ? 'passed' : 'failed'] as const))
  const problems = new Map([...parts.values()].flatMap((line) => line.problems).map((problem) => [problem.id, problem]))
  const numbers = new Map<string, number>()
  for await (const { id } of devicesOf(join(folder, RUN_LOG))) numbers.set(id, numbers.size)
  const registeredAs = (id: string): DeviceHistory['registered'] => {
    const problem = problems.get(id)
    if (problem !== undefined) return problem.status === 'conflict' ? 'conflict' : 'refused'
    return parts.has(Math.floor((numbers.get(id) ?? Number.NaN) / REGISTRATION_LIMITS.rows)) ? 'yes' : null
  }
  return {
    ids: [...numbers.keys()],
    flashes,
    verdicts,
    registrationProblems: [...problems.values()],
    of: (id) => ({
      flashed: flashed.has(id) ? 'yes' : tried.has(id) ? 'failed' : null,
      verified: verified.get(id) ?? null,
      registered: registeredAs(id),
    }),
  }
}
