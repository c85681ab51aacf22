/** The invariant, asked of the real cloud's rules: at least one credential on the device's disk is accepted, and nothing is torn. */
import { credentialLabel } from '../../../agent/credential/credential.ts'
import type { CloudView } from '../power-cut/cloud-view.ts'
import { type DiskPlace, readDisk } from './disk.ts'

/** What is wrong with the disk at this moment; the agent must not run. */
export async function judge(place: DiskPlace, cloud: Pick<CloudView, 'stateOf' | 'refusalOf'>): Promise<readonly string[]> {
  const disk = await readDisk(place)
  const state = await cloud.stateOf(place.name)
  const refusals: string[] = []
  for (const credential of [disk.pending, disk.current, ...disk.flashed]) {
    if (credential === null) continue
    const refusal = await cloud.refusalOf(credential, place.name, state)
    if (refusal === null) return disk.problems
    refusals.push(`${credentialLabel(credential)}: ${refusal}`)
  }
  return [...disk.problems, `locked out: ${refusals.join('; ') || 'there is no credential on the disk'}`]
}
