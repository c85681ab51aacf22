/** The state of every device's credentials, from the audit log alone. */
import { type CredentialId, parseCredentialId } from '../../../agent/contract/names.ts'
import { parseSecretId } from '../../../agent/contract/secret-id.ts'
import { type AuditEventName, CREDENTIAL_EVENTS, OPERATOR_EVENTS } from '../../../cloud/rules/audit-event.ts'
import type { FlashedState, IssuedState, TemporaryState } from '../../../cloud/rules/device-credentials.ts'

/** What the log must explain of a device, and what the tables must hold. Credentials are called by their labels. */
export type DeviceAccount = {
  temporary: TemporaryState
  flashed: FlashedState
  /** Label → generation and state. */
  readonly issued: Map<string, { readonly generation: number; state: IssuedState }>
  promotedMs: number | null
  frozenMs: number | null
  openOrder: string | null
  /** How often each credential got a token. */
  readonly tokens: Map<string, number>
}

/** What of an entry of the log matters here. */
export type ReplayedEntry = {
  readonly at: number
  readonly account: string | null
  readonly device: string | null
  readonly credential: string | null
  readonly event: string
  readonly detail: string
}

/** A device that nothing is known of. */
export const blankAccount = (): DeviceAccount => ({
  temporary: { state: 'none' },
  flashed: 'none',
  issued: new Map(),
  promotedMs: null,
  frozenMs: null,
  openOrder: null,
  tokens: new Map(),
})

/** Reads the log from the beginning; gives the devices by `<account>/<device>`. */
export function replay(entries: Iterable<ReplayedEntry>): Map<string, DeviceAccount> {
  const devices = new Map<string, DeviceAccount>()
  for (const entry of entries) {
    if (entry.device === null) continue
    const name = `${entry.account}/${entry.device}`
    const device = devices.get(name) ?? blankAccount()
    apply(device, entry)
    if (isKnownTo(device)) devices.set(name, device)
  }
  return devices
}

/** Entries about an id that is nobody's make no device. */
const isKnownTo = ({ temporary, flashed }: DeviceAccount): boolean => temporary.state !== 'none' || flashed !== 'none'

type Change = (device: DeviceAccount, entry: ReplayedEntry) => void

const issue: Change = (device, entry) => {
  device.issued.set(entry.credential ?? '', { generation: generationOf(device, entry), state: 'pending' })
}

const setOrder =
  (orderOf: (entry: ReplayedEntry) => string | null): Change =>
  (device, entry) => {
    device.openOrder = orderOf(entry)
  }

const unexpected: Change = (_, { event }) => {
  throw new Error(`nobody did this in the campaign: ${event}`)
}

/** What each event changes; null where it only tells. */
const CHANGES: Readonly<Record<AuditEventName, Change | null>> = {
  enrolled: (device, entry) => {
    device.temporary = { state: 'open', keyId: keyIdOf(entry) }
  },
  registered: (device) => {
    device.flashed = 'good'
  },
  'token-issued': (device, { credential }) => {
    device.tokens.set(credential ?? '', (device.tokens.get(credential ?? '') ?? 0) + 1)
  },
  'secret-issued': issue,
  'certificate-issued': issue,
  'became-current': (device, entry) => {
    setIssued(device, entry, 'current')
    device.promotedMs = entry.at
    device.openOrder = null
  },
  'pending-superseded': (device, entry) => setIssued(device, entry, 'superseded'),
  'current-superseded': (device, entry) => setIssued(device, entry, 'superseded'),
  'temporary-superseded': (device, entry) => {
    device.temporary = { state: 'superseded', keyId: keyIdOf(entry) }
  },
  'flashed-superseded': (device) => {
    device.flashed = 'superseded'
  },
  'rotation-frozen': (device, { at }) => {
    device.frozenMs = at
  },
  'rotation-unfrozen': (device) => {
    device.frozenMs = null
  },
  'rotation-ordered': setOrder(({ detail }) => detail),
  'rotation-order-taken-back': setOrder(() => null),
  'credential-revoked': unexpected,
  'credential-rearmed': unexpected,
  'rearmed-credential-used': unexpected,
  'rearm-cancelled': unexpected,
  'rolled-forward': unexpected,
  'line-conflict': unexpected,
  'enrolment-refused': null,
  'secret-delivered-again': null,
  'certificate-delivered-again': null,
  'pending-seen-at-hotspot': null,
  'temporary-refused-after-swap': null,
  'superseded-credential-refused': null,
  'revoked-credential-refused': null,
  'unknown-credential-refused': null,
  'late-request-refused': null,
  'identity-shared': null,
  'assertion-outside-time': null,
  'assertion-replayed': null,
  'hotspot-refused': null,
  'hotspot-accepted': null,
  'hotspot-rejected': null,
  'hotspot-session': null,
  'account-created': null,
  'provisioning-key-created': null,
  'provisioning-key-retired': null,
  'operator-key-created': null,
  'aaa-client-created': null,
  'factory-key-added': null,
  'factory-key-retired': null,
  'rotation-schedule-created': null,
  'rotation-schedule-deleted': null,
  'alarm-acknowledged': null,
  'database-restored': null,
  'master-key-used': null,
  'master-key-distrusted': null,
  'master-key-retired': null,
  'hotspot-profiles-set': null,
  'certificate-authority-registered': null,
  'certificate-authority-retired': null,
}

function apply(device: DeviceAccount, entry: ReplayedEntry): void {
  const event = [...CREDENTIAL_EVENTS, ...OPERATOR_EVENTS].find((each) => each === entry.event)
  if (event === undefined) throw new Error(`the audit log has an event that this version does not know: ${entry.event}`)
  CHANGES[event]?.(device, entry)
}

function idOf({ credential, event }: ReplayedEntry): CredentialId {
  const id = parseCredentialId(credential === 'flashed' ? null : credential)
  if (!id.ok) throw new Error(`${event} names no credential: ${credential}`)
  return id.value
}

function keyIdOf(entry: ReplayedEntry): string {
  const id = idOf(entry)
  if (id.kind !== 'temporary') throw new Error(`${entry.event} names no temporary credential: ${entry.credential}`)
  return id.keyId
}

/** A secret's id tells its generation; of a certificate the log tells only that it is the next one. */
function generationOf(device: DeviceAccount, entry: ReplayedEntry): number {
  const id = idOf(entry)
  const secretId = id.kind === 'issued' ? parseSecretId(id.secretId) : null
  return secretId?.ok === true ? secretId.value.generation : 1 + Math.max(0, ...[...device.issued.values()].map((each) => each.generation))
}

function setIssued(device: DeviceAccount, { credential, event }: ReplayedEntry, state: IssuedState): void {
  const issued = device.issued.get(credential ?? '')
  if (issued === undefined) throw new Error(`${event}: the audit log does not tell that ${credential} was issued`)
  issued.state = state
}
