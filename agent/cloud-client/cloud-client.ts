/**
 * The door to the Cloud API. What is behind it (HTTPS, TLS, the JOSE library) is loaded with the first call, or by `prepare`, so
 * that starting the agent does not wait for it.
 */
import { AgentError } from '../failure.ts'
import { readCertificates } from './certificate-chain.ts'
import type { ClosableCloudClient, CloudClientOptions } from './https-cloud-client.ts'

/** A client that can be made ready before it is needed, such as while the device joins. */
export type PreparableCloudClient = ClosableCloudClient & { prepare(): Promise<void> }

/** The Cloud API of this config. */
export function createCloudClient(options: CloudClientOptions): PreparableCloudClient {
  // Node would take an empty text for "trust the public CAs".
  if (readCertificates(options.cloud.caPem).length === 0) throw new AgentError('ERR_CONFIG_INVALID', 'cloud.ca holds no certificate')
  let loading: Promise<ClosableCloudClient> | null = null
  const loaded = (): Promise<ClosableCloudClient> => {
    loading ??= import('./https-cloud-client.ts').then(({ HttpsCloudClient }) => new HttpsCloudClient(options))
    return loading
  }
  return {
    prepare: async () => void (await loaded()),
    time: async (signal) => (await loaded()).time(signal),
    token: async (credential, challenge, signal) => (await loaded()).token(credential, challenge, signal),
    requestCredential: async (request, signal) => (await loaded()).requestCredential(request, signal),
    rotationOrder: async (token, signal) => (await loaded()).rotationOrder(token, signal),
    close: () => void loading?.then((client) => client.close()),
  }
}
