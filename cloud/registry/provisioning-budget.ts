/** What provisioning keys still allow while many devices are enrolled in one transaction. */
import { judgeTemporary, type ProvisioningKeyRules } from '../rules/enrolment.ts'
import { countEnrolledBy, findProvisioningKey, lockProvisioningKey } from '../store/provisioning-keys.ts'
import type { Database } from '../store/tables.ts'

/** The keys, locked until the transaction ends. */
export type KeyBudgets = {
  /** Lets a key enrol a device; gives why not, or null. */
  readonly take: (keyId: string, deviceId: string) => string | null
}

type Budget = {
  readonly rules: ProvisioningKeyRules
  readonly plain: ReadonlySet<string>
  readonly patterns: readonly string[]
  enrolled: number
}

/** Reads the keys. */
export async function readKeyBudgets(db: Database, account: string, keyIds: readonly string[], nowMs: number): Promise<KeyBudgets> {
  const budgets = new Map<string, Budget>()
  for (const keyId of [...new Set(keyIds)].sort()) {
    await lockProvisioningKey(db, account, keyId)
    const key = await findProvisioningKey(db, account, keyId)
    if (key !== null) budgets.set(keyId, budgetOf(key.rules, await countEnrolledBy(db, account, keyId)))
  }
  return {
    take(keyId, deviceId) {
      const budget = budgets.get(keyId)
      if (budget === undefined) return `there is no provisioning key ${keyId}`
      const { rules, plain, patterns, enrolled } = budget
      // Of a hundred thousand ids that a key allows, only the one in question is compared.
      const key = { ...rules, allow: plain.has(deviceId) ? [deviceId] : patterns }
      const judgement = judgeTemporary(null, { deviceId, key, enrolledDevices: enrolled, nowMs })
      if (!judgement.good) return judgement.reason
      budget.enrolled += 1
      return null
    },
  }
}

function budgetOf(rules: ProvisioningKeyRules, enrolled: number): Budget {
  const isPattern = (text: string): boolean => /[*?]/.test(text)
  return { rules, plain: new Set(rules.allow.filter((text) => !isPattern(text))), patterns: rules.allow.filter(isPattern), enrolled }
}
