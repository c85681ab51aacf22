/** An audit entry for what an operator did. */
import type { AuditEventName } from '../rules/audit-event.ts'
import type { AuditEntry } from '../store/audit-log.ts'
import type { StoredOperatorKey } from '../store/principals.ts'

/** How an operator is called in the audit log. */
export const operatorPrincipal = (by: StoredOperatorKey): string => `operator:${by.id}`

/** The entry. */
export const operatorEntry = (by: StoredOperatorKey, event: AuditEventName, account: string | null, detail: string): AuditEntry => ({
  account,
  device: null,
  credential: null,
  event,
  principal: operatorPrincipal(by),
  detail,
  session: null,
})
