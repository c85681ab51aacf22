/**
 * The door to the Cloud API. What is behind it (HTTPS, TLS, the JOSE library) is loaded with the first call, or by `prepare`, so
 * that starting the agent does not wait for it.
 */
import { AgentError } from '../failure.ts'
import { readCertificates } from './certificate-chain.ts'
import type { ClosableCloudClient, CloudClientOptions, HttpsCloudClient } from './https-cloud-client.ts'

/** A client that can be made ready before it is needed, such as while the device joins; preparing never fails, the call after it may. */
export type PreparableCloudClient = ClosableCloudClient & { prepare(): Promise<void> }

/** The Cloud API of this config. */
export function createCloudClient(options: CloudClientOptions): PreparableCloudClient {
  // Node would take an empty text for "trust the public CAs".
  if (readCertificates(options.cloud.caPem).length === 0) throw new AgentError('ERR_CONFIG_INVALID', 'cloud.ca holds no certificate')
  let loading: Promise<HttpsCloudClient> | null = null
  let preparing: Promise<void> | null = null
  const loaded = (): Promise<HttpsCloudClient> => {
    loading ??= import('./https-cloud-client.ts').then((module) => new module.HttpsCloudClient(options))
    return loading
  }
  return {
    prepare: () => {
      preparing ??= loaded()
        .then((client) => client.rehearse())
        .catch(() => {}) // the call that needs it will tell
      return preparing
    },
    reach: async (signal) => (await loaded()).reach(signal),
    time: async (signal) => (await loaded()).time(signal),
    token: async (credential, challenge, signal) => (await loaded()).token(credential, challenge, signal),
    requestCredential: async (request, signal) => (await loaded()).requestCredential(request, signal),
    rotationOrder: async (token, signal) => (await loaded()).rotationOrder(token, signal),
    hotspotProfiles: async (request, signal) => (await loaded()).hotspotProfiles(request, signal),
    close: () => void loading?.then((client) => client.close()),
  }
}
