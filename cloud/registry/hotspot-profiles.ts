/** Setting and showing the hotspot profiles of an account (contract §7). */
import { formatHotspotForm, type HotspotForm, parseHotspotForm, sealedMembers } from '../../agent/contract/hotspot-form.ts'
import { ApiProblem } from '../api-problem.ts'
import { isLost, type SealedContext, seal, unseal } from '../crypto/sealed.ts'
import type { CloudParts } from '../parts.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findProfiles, raiseVersion, saveProfiles } from '../store/hotspot-profiles.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { operatorEntry, operatorPrincipal } from './operator-entry.ts'

/** A device reads answers of up to 64 KiB, and a signed text grows by a third. */
const MOST_BYTES = 40 * 1024

const contextOf = (account: string): SealedContext => ['hotspot-profiles', account, '']

/** Profiles in the open, and their version. */
export type AccountProfiles = { readonly version: number; readonly hotspots: readonly HotspotForm[] }

/** Replaces the profiles of an account; devices are given them with their next token. */
export async function setProfiles(
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  given: readonly unknown[],
): Promise<AccountProfiles> {
  const hotspots = given.map((each, index) => {
    const form = parseHotspotForm(each, 'refused')
    if (!form.ok) throw new ApiProblem('invalid-request', `hotspots[${index}]: ${form.problem}`)
    return form.value
  })
  const text = Buffer.from(JSON.stringify(hotspots.map(formatHotspotForm)))
  if (text.length > MOST_BYTES)
    throw new ApiProblem('invalid-request', `the profiles are larger than ${MOST_BYTES} bytes: devices could not read them`)
  const sealed = seal(parts.masterKeys, contextOf(account), text)
  return parts.db.transaction().execute(async (db) => {
    if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
    const setMs = parts.nowMs()
    const version = await raiseVersion(db, account, operatorPrincipal(by), setMs)
    await saveProfiles(db, account, { version, sealed, setMs, setBy: operatorPrincipal(by) })
    const detail = `version ${version}: ${hotspots.length}`
    await appendAudit(db, setMs, [operatorEntry(by, 'hotspot-profiles-set', account, detail)])
    return { version, hotspots }
  })
}

/** The profiles of an account; none where none were ever set, or where they are sealed under a master key that was given up. */
export async function readProfiles(parts: Pick<CloudParts, 'db' | 'masterKeys'>, account: string): Promise<AccountProfiles> {
  const stored = await findProfiles(parts.db, account)
  if (stored === null || isLost(parts.masterKeys, stored.sealed)) return { version: 0, hotspots: [] }
  const value: unknown = JSON.parse(Buffer.from(unseal(parts.masterKeys, contextOf(account), stored.sealed)).toString('utf8'))
  const forms = Array.isArray(value) ? value.map((each: unknown) => parseHotspotForm(each, 'ignored')) : []
  return { version: stored.version, hotspots: forms.flatMap((form) => (form.ok ? [form.value] : [])) }
}

/** The profiles as operators see them: without what is secret in them. */
export async function showProfiles(parts: CloudParts, account: string) {
  const { version, hotspots } = await readProfiles(parts, account)
  return {
    version,
    hotspots: hotspots.map(formatHotspotForm).map((form) => sealedMembers(form).reduce((shown, { put }) => put(shown, '[secret]'), form)),
  }
}
