/** What the kills must not have done. */
import type { DeviceName } from '../../../agent/contract/names.ts'
import { type Candidate, credentialLabel } from '../../../agent/credential/credential.ts'
import { lookInto, type Site } from '../cloud/site.ts'
import { CloudView } from '../power-cut/cloud-view.ts'
import { type DeviceAccount, replay } from './audit-replay.ts'
import { differences, readLedger } from './ledger.ts'
import type { Told } from './told.ts'

/** Of a device: who it is, what it was told, and what it could show. */
export type Witness = { readonly identity: DeviceName; readonly told: Told; readonly candidates: () => Promise<readonly Candidate[]> }

/** The invariant, while the cloud is dead: one credential on the disk is accepted by the cloud as it will be when it is back. */
export async function lockedOut(site: Site, witnesses: readonly Witness[]): Promise<readonly string[]> {
  const view = await CloudView.open(site.dataFolder)
  try {
    const faults: string[] = []
    for (const { identity, candidates } of witnesses) {
      const shown = await candidates()
      const state = await view.stateOf(identity)
      const refusals = await Promise.all(
        shown.map(async ({ slot, credential }) => ({ slot, why: await view.refusalOf(credential, identity, state) })),
      )
      if (refusals.some(({ why }) => why === null)) continue
      faults.push(`${identity.device} is locked out: ${refusals.map(({ slot, why }) => `${slot}: ${why}`).join('; ')}`)
    }
    return faults
  } finally {
    await view.close()
  }
}

/** What is wrong when all has come to rest: every device has one current secret, the one on its disk, and the audit log explains all of it. */
export async function atRest(site: Site, witnesses: readonly Witness[]): Promise<readonly string[]> {
  const { entries, tables } = await lookInto(site, async (db) => ({
    entries: await db.selectFrom('audit').selectAll().orderBy('seq').execute(),
    tables: await readLedger(db),
  }))
  const faults: string[] = []
  const log = replayed(entries, faults)
  faults.push(...differences(log, tables))
  for (const { identity, told, candidates } of witnesses) {
    const name = `${identity.account}/${identity.device}`
    faults.push(...ofHoldings(identity.device, tables.get(name), await candidates()), ...ofTold(identity.device, log.get(name), told))
  }
  return faults
}

function replayed(entries: Parameters<typeof replay>[0], faults: string[]): Map<string, DeviceAccount> {
  try {
    return replay(entries)
  } catch (error) {
    faults.push(`the audit log makes no sense: ${error instanceof Error ? error.message : String(error)}`)
    return new Map()
  }
}

/** One current secret, the one on the disk, and nothing else that is still good. */
export function ofHoldings(device: string, held: DeviceAccount | undefined, candidates: readonly Candidate[]): readonly string[] {
  if (held === undefined) return [`${device} is not known to the cloud`]
  const good = [...held.issued].flatMap(([label, { state }]) => (state === 'current' || state === 'pending' ? [`${label} ${state}`] : []))
  if (held.temporary.state === 'open') good.push('temporary open')
  if (held.flashed === 'good') good.push('flashed good')
  const [first] = candidates
  const expected = first?.slot === 'current' ? `${credentialLabel(first.credential)} current` : 'a current secret on the disk'
  return good.length === 1 && good[0] === expected
    ? []
    : [`${device} should have one good credential, ${expected}, and has ${good.join(', ') || 'none'}`]
}

/** Whatever a device was told is in the audit log. */
export function ofTold(device: string, logged: DeviceAccount | undefined, told: Told): readonly string[] {
  const faults: string[] = []
  for (const label of told.secrets)
    if (logged?.issued.has(label) !== true) faults.push(`${device} was given ${label}, and the audit log does not tell`)
  for (const [label, count] of told.tokens) {
    const known = logged?.tokens.get(label) ?? 0
    if (known < count) faults.push(`${device} got ${count} tokens for ${label}, and the audit log tells of ${known}`)
  }
  return faults
}
