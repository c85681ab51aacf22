/** What is wrong with a state that a device's disk was found in; nothing, if the invariant and every promise of its log hold. */
import { type DeviceName, formatCredentialId } from '../../../agent/contract/names.ts'
import { candidatesOf } from '../../../agent/credential/candidates.ts'
import { credentialLabel, type TemporarySecret } from '../../../agent/credential/credential.ts'
import type { CloudState, CloudView } from './cloud-view.ts'
import type { FoundState } from './found-state.ts'
import { cloudStatesAt, dutyAt, type Moment, nonceDutyAt, type Slot, type Timeline } from './timeline.ts'

/** Whose disk it is, and what the factory left on it. */
export type Owner = { readonly name: DeviceName; readonly flashed: TemporarySecret }

/** The judge has the real cloud's rules at hand. */
export class Judge {
  readonly #view: CloudView

  constructor(view: CloudView) {
    this.#view = view
  }

  /** Judges a state that a cut at this moment of the recorded life could have left. */
  async atMoment(found: FoundState, owner: Owner, timeline: Timeline, moment: Moment): Promise<readonly string[]> {
    const states = cloudStatesAt(timeline, moment)
    const faults = [...(await this.ofFiles(found, owner)), ...brokenPromises(found, timeline, moment)]
    if (states.length === 0) faults.push('the record does not tell the state of the cloud')
    for (const state of states) faults.push(...(await this.lockedOut(found, owner, state)))
    return faults
  }

  /** A file that is not whole under its own name, or a credential that was never the device's. */
  async ofFiles(found: FoundState, { name }: Owner): Promise<readonly string[]> {
    const faults = found.complaints.map((complaint) => `the store complains: ${complaint}`)
    for (const slot of ['pending', 'current'] as const) {
      const credential = found.stored[slot]
      if (credential !== null && !(await this.#view.isGenuine(credential, name)))
        faults.push(`${slot} holds a credential that the cloud never made`)
    }
    return faults
  }

  /** The invariant: one credential on the disk is accepted by the cloud, at the hotspot and at the Cloud API. */
  async lockedOut({ stored }: FoundState, { name, flashed }: Owner, state: CloudState): Promise<readonly string[]> {
    const refusals: string[] = []
    for (const { slot, credential } of candidatesOf(stored, [flashed])) {
      const refusal = await this.#view.refusalOf(credential, name, state)
      if (refusal === null) return []
      refusals.push(`${slot} ${credentialLabel(credential)}: ${refusal}`)
    }
    return [`locked out: ${refusals.join('; ')}`]
  }
}

function brokenPromises(found: FoundState, timeline: Timeline, moment: Moment): readonly string[] {
  const duty = dutyAt(timeline, moment)
  const kept = duty === null || duty.slots.some((slot) => labelIn(found, slot) === duty.label)
  const faults = kept ? [] : [`after "${duty.event}" ${duty.label} is not in ${duty.slots.join(' or ')}`]
  const nonceDuty = nonceDutyAt(timeline, moment)
  if (nonceDuty === null) return faults
  const asked = timeline.cloud.flatMap(({ state }) => state?.issued ?? []).find(({ id }) => formatCredentialId(id) === nonceDuty.label)
  return asked !== undefined && found.nonces.includes(asked.nonce)
    ? faults
    : [...faults, `the nonce or key that the cloud was asked with for ${nonceDuty.label} is not there`]
}

function labelIn({ stored }: FoundState, slot: Slot): string | null {
  const credential = stored[slot]
  return credential === null ? null : credentialLabel(credential)
}
