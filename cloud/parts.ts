/** What every request needs; made once when the service starts. */
import type { Kysely } from 'kysely'
import type { MasterKeys } from './crypto/master-key.ts'
import type { SigningKeys } from './crypto/signing-key.ts'
import type { DeviceIssuer } from './issuer/device-issuer.ts'
import type { Alarm } from './store/alarms.ts'
import type { Tables } from './store/tables.ts'

/** The cloud's parts. */
export type CloudParts = {
  readonly db: Kysely<Tables>
  readonly masterKeys: MasterKeys
  readonly signingKeys: SigningKeys
  /** A sealed secret that is nobody's: opened where a real one is missing, so that the unknown takes as long as the known. */
  readonly sealedDecoy: string
  readonly deviceIssuer: DeviceIssuer
  /** The one fixed string that assertions are made for and access tokens come from. */
  readonly issuer: string
  readonly nowMs: () => number
  /** Tells people of an alarm that was committed; it takes its own time and never throws. */
  readonly tellAlarm: (alarm: Alarm) => void
}
