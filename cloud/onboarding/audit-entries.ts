/** Turns what a rule told into entries of the audit log. */
import { type CredentialId, formatCredentialId } from '../../agent/contract/names.ts'
import type { CredentialEvent } from '../rules/device-credentials.ts'
import type { AuditEntry } from '../store/audit-log.ts'

/** How a credential is called in the audit log: its id, or `flashed`. */
export const credentialLabel = (id: CredentialId): string => formatCredentialId(id) ?? 'flashed'

/** The entries for a device's events, or an account's where no device is known; `session` is the hotspot's handle where there is one. */
export const auditEntries = (
  name: { readonly account: string; readonly device: string | null },
  principal: string,
  events: readonly CredentialEvent[],
  session: string | null = null,
): readonly AuditEntry[] =>
  events.map(({ event, credentialId, detail }) => ({
    account: name.account,
    device: name.device,
    credential: credentialLabel(credentialId),
    event,
    principal,
    detail,
    session,
  }))
