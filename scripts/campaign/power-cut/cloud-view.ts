/** Looks at the real cloud from beside it: what it knows of a device at this moment, and what its own rules would say to a credential. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { DeviceName } from '../../../agent/contract/names.ts'
import type { Credential } from '../../../agent/credential/credential.ts'
import { readCloudConfig, readKeys } from '../../../cloud/data-folder.ts'
import { databasePlace } from '../../../cloud/folder-database.ts'
import { credentialsOf, readRecords, sealDecoy, secretOf, temporaryPresented } from '../../../cloud/onboarding/records.ts'
import type { CloudParts } from '../../../cloud/parts.ts'
import type { DeviceCredentials } from '../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../cloud/rules/enrolment.ts'
import { judgeAtHotspot } from '../../../cloud/rules/hotspot.ts'
import { type TokenVerdict, tokenByFlashed, tokenByIssued, tokenByTemporary } from '../../../cloud/rules/token.ts'
import { findChain } from '../../../cloud/store/certificates.ts'
import { openDatabase } from '../../../cloud/store/database.ts'
import { findDevice } from '../../../cloud/store/devices.ts'

/** What the cloud knows of a device's credentials; null: it does not know the device. */
export type CloudState = DeviceCredentials | null

type SeenParts = Pick<CloudParts, 'db' | 'masterKeys' | 'sealedDecoy'>

/** A reader of a running cloud's own folder. */
export class CloudView {
  readonly #parts: SeenParts

  private constructor(parts: SeenParts) {
    this.#parts = parts
  }

  /** Opens the folder that `zipkey-cloud init` made. */
  static async open(folder: string): Promise<CloudView> {
    const { masterKeys } = await readKeys(folder)
    const { database } = await readCloudConfig(folder)
    const db = openDatabase(await databasePlace(folder, database))
    return new CloudView({ db, masterKeys, sealedDecoy: sealDecoy(masterKeys) })
  }

  /** What is committed at this moment. */
  async stateOf(name: DeviceName): Promise<CloudState> {
    // One transaction, so that device and secrets are read from the same commit.
    return credentialsOf(await this.#parts.db.transaction().execute((db) => findDevice(db, name)))
  }

  /** Whether the credential's secret, or its private key, is the one that belongs to what the cloud knows by its id. */
  async isGenuine(credential: Credential, name: DeviceName): Promise<boolean> {
    if (credential.kind === 'token-certificate') return false
    if (credential.kind === 'certificate') {
      const chainPem = await findChain(this.#parts.db, credential.id.fingerprint)
      return chainPem !== null && new X509Certificate(chainPem).checkPrivateKey(createPrivateKey(credential.privateKeyPem.reveal()))
    }
    const secret = secretOf(this.#parts, name, credential.id, await readRecords(this.#parts.db, name, credential.id))
    return secret !== null && Buffer.from(secret).equals(credential.secret.reveal())
  }

  /** Why a cloud in this state refuses the credential, at the hotspot or at the Cloud API; null where both accept it. */
  async refusalOf(credential: Credential, name: DeviceName, state: CloudState): Promise<string | null> {
    if (!(await this.isGenuine(credential, name))) return 'its secret or key is not the one that the cloud knows by this id'
    const { key } = await readRecords(this.#parts.db, name, credential.id)
    const presented = key === null ? null : await temporaryPresented(this.#parts.db, name, key, Date.now())
    const hotspot = judgeAtHotspot(state, { id: credential.id, presented, nowMs: Date.now() })
    if (!hotspot.good) return `the hotspot: ${hotspot.reason}`
    const answer = tokenAnswer(credential, state, presented)
    return answer.granted ? null : `the Cloud API: ${answer.reason}`
  }

  /** Closes the database. */
  close(): Promise<void> {
    return this.#parts.db.destroy()
  }
}

function tokenAnswer({ id }: Credential, state: CloudState, presented: TemporaryPresented | null): TokenVerdict {
  const shown = { nowMs: Date.now(), madeMs: Date.now() }
  switch (id.kind) {
    case 'temporary':
      if (presented === null) return { granted: false, problem: 'unknown-credential', reason: 'the provisioning key is not known' }
      return tokenByTemporary(state, presented, shown).answer
    case 'issued':
    case 'certificate':
      return tokenByIssued(state, id, shown).answer
    case 'flashed':
      return tokenByFlashed(state, shown).answer
  }
}
