/** What an operator is told of at once, besides the audit log. */
import type { CredentialEventName } from './audit-event.ts'

/** The kinds of alarm; of each at most one is open for a device, which counts. */
export const ALARM_KINDS = ['temporary-shown-after-swap', 'superseded-credential-shown', 'identity-shared', 'line-conflict'] as const

/** One of the kinds. */
export type AlarmKind = (typeof ALARM_KINDS)[number]

/** The alarm that an event of a device raises; null for most. */
export function alarmOf(event: CredentialEventName): AlarmKind | null {
  switch (event) {
    case 'temporary-refused-after-swap':
      return 'temporary-shown-after-swap'
    case 'superseded-credential-refused':
      return 'superseded-credential-shown'
    case 'identity-shared':
      return 'identity-shared'
    case 'line-conflict':
      return 'line-conflict'
    default: // every other event is for the audit log alone
      return null
  }
}

/** Whether people are told once more: when an alarm opens and whenever its count doubles, so that nobody is flooded. */
export const isTelling = (count: number): boolean => Number.isInteger(Math.log2(count))
