/** Which devices a provisioning key may enrol (contract §3). */
import type { ProblemType } from '../../agent/contract/problems.ts'
import type { DeviceCredentials } from './device-credentials.ts'
import { matchesIdPattern } from './id-pattern.ts'
import { isRearmed } from './rearm.ts'

/** The rules of a provisioning key; null stands for no limit. */
export type ProvisioningKeyRules = {
  readonly keyId: string
  readonly retired: boolean
  /** Device ids and patterns; one that matches is enough. */
  readonly allow: readonly string[]
  readonly notBeforeMs: number | null
  readonly notAfterMs: number | null
  readonly maxDevices: number | null
}

/** A secret of a provisioning key, presented for a device. `enrolledDevices` is how many this key enrolled so far. */
export type TemporaryPresented = {
  readonly deviceId: string
  readonly key: ProvisioningKeyRules
  readonly enrolledDevices: number
  readonly nowMs: number
}

/** Whether the temporary credential is good now; `enrols` says that the device is enrolled by it for the first time. */
export type TemporaryJudgement =
  | { readonly good: true; readonly enrols: boolean }
  | { readonly good: false; readonly problem: ProblemType; readonly reason: string }

const refused = (problem: ProblemType, reason: string): TemporaryJudgement => ({ good: false, problem, reason })

function judgeFirstEnrolment({ deviceId, key, enrolledDevices, nowMs }: TemporaryPresented): TemporaryJudgement {
  if (!key.allow.some((pattern) => matchesIdPattern(pattern, deviceId))) {
    return refused('unknown-credential', 'the provisioning key does not allow this device id')
  }
  if (key.notBeforeMs !== null && nowMs < key.notBeforeMs) return refused('unknown-credential', 'the provisioning key is not valid yet')
  if (key.notAfterMs !== null && nowMs >= key.notAfterMs) return refused('unknown-credential', 'the provisioning key is not valid any more')
  if (key.maxDevices !== null && enrolledDevices >= key.maxDevices) {
    return refused('unknown-credential', 'the provisioning key has enrolled as many devices as it may')
  }
  return { good: true, enrols: true }
}

/**
 * Judges a temporary credential whose signature was good. The rules apply when a key first enrols the device; afterwards only
 * the swap, revoking it, or retiring the key ends it. A device flashed again with another key is enrolled anew, under that key's
 * rules. An operator who re-arms it means this one device, whatever became of the key.
 */
export function judgeTemporary(device: DeviceCredentials | null, presented: TemporaryPresented): TemporaryJudgement {
  const temporary = device?.temporary ?? null
  if (isRearmed(device, { kind: 'temporary', keyId: presented.key.keyId }, presented.nowMs)) return { good: true, enrols: false }
  if (temporary?.state === 'superseded') return refused('already-enrolled', 'the device has a permanent credential')
  if (temporary?.state === 'revoked') return refused('revoked', 'the temporary credential was revoked')
  if (temporary?.state === 'none') return refused('unknown-credential', 'the device is registered with a secret of its own')
  if (presented.key.retired) return refused('revoked', 'the provisioning key is retired')
  if (temporary?.keyId === presented.key.keyId) return { good: true, enrols: false }
  return judgeFirstEnrolment(presented)
}
