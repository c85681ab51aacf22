/** What the cloud told a device, and so may not forget. */
import { credentialLabel } from '../../../agent/credential/credential.ts'
import type { CloudClient } from '../../../agent/ports.ts'

/** Tokens by the credential that got them, and the permanent secrets by their labels. */
export type Told = { readonly tokens: Map<string, number>; readonly secrets: Set<string> }

/** The client, with what it was answered written down. */
export const writingDown = (client: CloudClient, told: Told): CloudClient => ({
  reach: (signal) => client.reach(signal),
  time: (signal) => client.time(signal),
  token: async (credential, challenge, signal) => {
    const token = await client.token(credential, challenge, signal)
    const label = credentialLabel(credential)
    told.tokens.set(label, (told.tokens.get(label) ?? 0) + 1)
    return token
  },
  requestCredential: async (request, signal) => {
    const issued = await client.requestCredential(request, signal)
    told.secrets.add(credentialLabel(issued))
    return issued
  },
  rotationOrder: (token, signal) => client.rotationOrder(token, signal),
  hotspotProfiles: (request, signal) => client.hotspotProfiles(request, signal),
})
