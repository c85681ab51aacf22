/** Turns a signed configuration into hotspot profiles: opens what is sealed for the device, and leaves out what this version does not know. */

import { deriveDeliveryKey } from '../contract/derivation.ts'
import { type DeviceConfig, type OpenWith, openText } from '../contract/device-config.ts'
import { parseHotspotForm, sealedMembers } from '../contract/hotspot-form.ts'
import { isObject, type Parsed, parsed } from '../contract/parsed.ts'
import type { Credential, Identity } from '../credential/credential.ts'
import type { HotspotProfile } from '../credential/hotspot.ts'
import { profileOf } from '../credential/profile-form.ts'

/** The profiles, or why they cannot be opened by this credential; and in words what was left out. */
export type OpenedProfiles = { readonly hotspots: Parsed<readonly HotspotProfile[]>; readonly leftOut: readonly string[] }

/** Opens them all, or none: a passphrase that was sealed for another credential is sealed anew when it is asked for again. */
export async function openProfiles({ hotspots }: DeviceConfig, credential: Credential, identity: Identity): Promise<OpenedProfiles> {
  const by = openerOf(credential, identity)
  const profiles: HotspotProfile[] = []
  const leftOut: string[] = []
  for (const sealed of hotspots) {
    if (by === null && isSealed(sealed)) {
      leftOut.push('its passphrase is sealed for a key in a token, which this version cannot open it with')
      continue
    }
    const plain = by === null ? parsed(sealed) : await opened(sealed, by)
    if (!plain.ok) return { hotspots: plain, leftOut }
    const form = parseHotspotForm(plain.value, 'ignored')
    if (form.ok) profiles.push(profileOf(form.value, identity.realm))
    else leftOut.push(form.problem)
  }
  return { hotspots: parsed(profiles), leftOut }
}

/** Null where nothing opens what is sealed. */
function openerOf(credential: Credential, identity: Identity): OpenWith | null {
  switch (credential.kind) {
    case 'shared-secret':
    case 'temporary-secret':
      return { kind: 'secret', deliveryKey: deriveDeliveryKey(credential.secret.reveal(), identity) }
    case 'certificate':
      return { kind: 'certificate', privateKeyPem: credential.privateKeyPem.reveal() }
    case 'token-certificate':
      return null
  }
}

const isSealed = (hotspot: unknown): boolean => isObject(hotspot) && sealedMembers(hotspot).length > 0

async function opened(hotspot: unknown, by: OpenWith): Promise<Parsed<unknown>> {
  if (!isObject(hotspot)) return parsed(hotspot)
  let plain = hotspot
  for (const { text, put } of sealedMembers(hotspot)) {
    const secret = await openText(text, by)
    if (!secret.ok) return secret
    plain = put(plain, secret.value)
  }
  return parsed(plain)
}
