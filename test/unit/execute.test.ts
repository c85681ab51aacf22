import { describe, expect, it } from 'vitest'
import type { TokenCertificate } from '../../agent/credential/credential.ts'
import type { HotspotProfile } from '../../agent/credential/hotspot.ts'
import { createExecutors, type ExecutorOptions } from '../../agent/execute.ts'
import { AgentError } from '../../agent/failure.ts'
import type { FlashedCredentials } from '../../agent/ports.ts'
import { certified, newDeviceKey } from '../fakes/device-ca.ts'

const { id, chainPem } = certified(newDeviceKey(), 'dev-1')
const CHIP: TokenCertificate = { kind: 'token-certificate', id, chainPem, keyUri: 'pkcs11:object=dev;type=private', pin: null }
const ABSENT = new AgentError('ERR_TOKEN_ABSENT', 'no token that the URI names is there')
const EAP: HotspotProfile = {
  security: 'wired-eap',
  eap: { methods: ['TLS'], inner: 'PAP', caPem: 'x', tlsMaxVersion: '1.2', serverName: 'aaa.example', aaaDomain: 'example' },
}

/** Joins with the key in the token, as it is then; gives what was joined, or the failure. */
async function join(now: FlashedCredentials): Promise<unknown> {
  const supplicant = { join: async (_: unknown, eap: { readonly method: string } | null) => eap?.method ?? 'plainly' }
  const options = { identity: { account: 'acme', device: 'dev-1', realm: 'example' }, supplicant, flashed: async () => now }
  const executors = createExecutors(options as unknown as ExecutorOptions)
  const effect = { do: 'join', bss: { hotspot: EAP }, candidate: { slot: 'flashed', credential: CHIP }, checkDates: true }
  const event = await executors.join(effect as never, new AbortController().signal).catch((error: unknown) => error)
  return event instanceof AgentError ? event.code : (event as { readonly link: unknown }).link
}

describe('a join with a key in a token', () => {
  it.each<[string, FlashedCredentials, string]>([
    ['is made while the token opens', { usable: [CHIP], refusal: null }, 'TLS'],
    ['is not begun once the token is gone', { usable: [], refusal: ABSENT }, 'ERR_TOKEN_ABSENT'],
    ['does not mind the token of another credential', { usable: [CHIP], refusal: ABSENT }, 'TLS'],
  ])('%s', async (_, now, expected) => {
    expect(await join(now)).toBe(expected)
  })
})
