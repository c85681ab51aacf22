/**
 * The database's tables. Types are the ones that SQLite and PostgreSQL share: text, and integers for times in ms since 1970.
 * Lists are JSON text. No table holds a secret in the clear.
 */
import type { Generated, Kysely, Transaction } from 'kysely'
import type { AlarmKind } from '../rules/alarm.ts'
import type { FlashedState, IssuedState, TemporaryState } from '../rules/device-credentials.ts'

/** One product company. */
export type AccountTable = { id: string; created_at: number }

/**
 * A provisioning key, sealed, with its rules. `revision` is raised to lock the row. `recovering_until` is set where it was in a backup
 * that was restored.
 */
export type ProvisioningKeyTable = {
  account: string
  id: string
  sealed_key: string
  allow: string
  not_before: number | null
  not_after: number | null
  max_devices: number | null
  retired_at: number | null
  recovering_until: number | null
  revision: number
  created_at: number
}

/**
 * A device. `folded_id` is its id in lower case, unique within the account. `revision` is raised to lock the row. `rearmed` and
 * `runs` are JSON text. `recovering_until`, `shown_rank` and `shown_generation` are set where a restore concerns the device.
 */
export type DeviceTable = {
  account: string
  id: string
  folded_id: string
  temporary: TemporaryState['state']
  enrolled_by: string | null
  flashed: FlashedState
  sealed_secret: string | null
  promoted_at: number | null
  frozen_at: number | null
  rearmed: string | null
  runs: string
  recovering_until: number | null
  shown_rank: number | null
  shown_generation: number | null
  revision: number
  created_at: number
}

/**
 * An issued credential. A secret is derived from the master key and `certificate` is null; where it is a chain (PEM, the device's
 * own first), `secret_id` holds the fingerprint of the first. `in_backup` says what it was in the backup that was restored
 * last; `rank` is set where it was issued since a restore.
 */
export type IssuedSecretTable = {
  secret_id: string
  account: string
  device: string
  generation: number
  nonce: string
  state: IssuedState
  certificate: string | null
  rank: number | null
  in_backup: 'good' | 'ended' | null
  created_at: number
  changed_at: number
}

/** An order to rotate a device's secret; open while `closed_at` is null. */
export type RotationOrderTable = { id: string; account: string; device: string; created_at: number; closed_at: number | null }

/** A rule by which devices are ordered to rotate; `allow` holds device ids and patterns. */
export type RotationScheduleTable = { account: string; id: string; allow: string; every_ms: number; created_at: number }

/** What an operator is told of; open while `acknowledged_at` is null, and then there is one of a kind for a device. */
export type AlarmTable = {
  id: string
  account: string
  device: string
  kind: AlarmKind
  detail: string
  count: number
  at: number
  last_at: number
  acknowledged_at: number | null
  acknowledged_by: string | null
}

/** The hotspot profiles that the devices of an account are given; `sealed` is empty in a row that nobody has seen yet. */
export type HotspotProfilesTable = { account: string; version: number; sealed: string; set_at: number; set_by: string }

/** Assertions and challenges that were used, until they expire. */
export type UsedOnceTable = { id: string; expires_at: number }

/** An operator's key by its hash. `accounts` null: all of them. */
export type OperatorKeyTable = { id: string; hash: string; role: string; accounts: string | null; created_at: number }

/** A hotspot operator's AAA server. `accounts` null: all of them. */
export type AaaClientTable = { id: string; hash: string; aaa_domain: string; accounts: string | null; created_at: number }

/** The audit log; rows are only ever added. */
export type AuditTable = {
  seq: Generated<number>
  at: number
  account: string | null
  device: string | null
  credential: string | null
  event: string
  principal: string
  detail: string
  session: string | null
}

/** The public key (JWK) of a factory that signs registration manifests; `kid` is its thumbprint (RFC 7638). */
export type FactoryKeyTable = { account: string; id: string; kid: string; jwk: string; retired_at: number | null; created_at: number }

/** A part of a batch's registration manifest that arrived: `rows` devices from `first` on, of `devices` in all. */
export type RegisteredPartTable = {
  account: string
  batch: string
  part: number
  first: number
  rows: number
  devices: number
  factory_key: string
  registered_at: number
}

/** A CA whose owner proved possession; its certificate in PEM. */
export type CertificateAuthorityTable = {
  account: string
  id: string
  fingerprint: string
  pem: string
  device_id_in: string
  allow: string
  retired_at: number | null
  created_at: number
}

/** That the database was put back to a backup, and until when what the backup calls good waited. */
export type RestoreTable = { at: number; window_until: number }

/** All tables. */
export type Tables = {
  account: AccountTable
  provisioning_key: ProvisioningKeyTable
  device: DeviceTable
  issued_secret: IssuedSecretTable
  rotation_order: RotationOrderTable
  rotation_schedule: RotationScheduleTable
  alarm: AlarmTable
  hotspot_profiles: HotspotProfilesTable
  used_once: UsedOnceTable
  operator_key: OperatorKeyTable
  aaa_client: AaaClientTable
  factory_key: FactoryKeyTable
  registered_part: RegisteredPartTable
  certificate_authority: CertificateAuthorityTable
  audit: AuditTable
  restore: RestoreTable
}

/** The database, or a transaction on it. */
export type Database = Kysely<Tables> | Transaction<Tables>
