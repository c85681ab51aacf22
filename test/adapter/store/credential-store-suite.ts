/** What every CredentialStore does, the real one and the fake. */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseNonce } from '../../../agent/contract/swap.ts'
import { NO_CLOUD_PROFILES } from '../../../agent/credential/cloud-profiles.ts'
import type { IssuedCredential } from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { CredentialStore } from '../../../agent/ports.ts'
import { certificate, issued, numberOf } from './state-folder.ts'

const CA_PEM = readFileSync(join(import.meta.dirname, '../../../config/examples/aaa-ca.pem'), 'utf8')

/** A disk for one test: `reboot` opens what is on it again. */
export type StoreWorld = { reboot(): Promise<CredentialStore> }

const slots = async (store: CredentialStore) => {
  const { pending, current } = await store.load()
  return { pending: numberOf(pending), current: numberOf(current) }
}

/** The one, with what proves the other. */
function withProofOf(one: IssuedCredential, other: IssuedCredential): IssuedCredential {
  if (one.kind === 'certificate' && other.kind === 'certificate') return { ...one, privateKeyPem: other.privateKeyPem }
  if (one.kind === 'shared-secret' && other.kind === 'shared-secret') return { ...one, secret: other.secret }
  throw new Error('the two are of different kinds')
}

/** Runs the suite over worlds that start empty. */
export function credentialStoreSuite(name: string, createWorld: () => StoreWorld): void {
  describe(name, () => {
    test('starts with empty slots and the beginning of time', async () => {
      const store = await createWorld().reboot()
      expect(await slots(store)).toEqual({ pending: null, current: null })
      expect(await store.timeFloor()).toBe(0)
    })

    test('keeps a nonce over a reboot, until a fresh one replaces it for good', async () => {
      const world = createWorld()
      const first = await (await world.reboot()).nonce('kept')
      expect(parseNonce(first).ok).toBe(true)
      const store = await world.reboot()
      expect(await store.nonce('kept')).toBe(first)
      const second = await store.nonce('fresh')
      expect(second).not.toBe(first)
      expect(parseNonce(second).ok).toBe(true)
      expect(await (await world.reboot()).nonce('kept')).toBe(second)
    })

    test('keeps a key over a reboot, until a fresh one replaces it for good, and the nonce beside it', async () => {
      const world = createWorld()
      const before = await world.reboot()
      const nonce = await before.nonce('kept')
      const first = (await before.key('kept')).reveal()
      expect(createPrivateKey(first).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
      const store = await world.reboot()
      expect((await store.key('kept')).reveal()).toBe(first)
      const second = (await store.key('fresh')).reveal()
      expect(second).not.toBe(first)
      const after = await world.reboot()
      expect((await after.key('kept')).reveal()).toBe(second)
      expect(await after.nonce('kept')).toBe(nonce)
    })

    describe.each([
      ['secrets', issued],
      ['certificates', certificate],
      ['a certificate after a secret', (number: number) => (number === 1 ? issued(1) : certificate(number))],
      ['a secret after a certificate', (number: number) => (number === 1 ? certificate(1) : issued(number))],
    ] as const)('of %s', (_, issued: (number: number) => IssuedCredential) => {
      test('keeps a pending credential over a reboot, and the current one beside it', async () => {
        const world = createWorld()
        const store = await world.reboot()
        await store.storePending(issued(1))
        expect(await slots(store)).toEqual({ pending: 1, current: null })
        await store.promote(issued(1))
        await store.storePending(issued(2))
        expect(await slots(await world.reboot())).toEqual({ pending: 2, current: 1 })
      })

      test('replaces a pending credential that was superseded', async () => {
        const world = createWorld()
        const store = await world.reboot()
        await store.storePending(issued(1))
        await store.storePending(issued(2))
        expect(await slots(await world.reboot())).toEqual({ pending: 2, current: null })
      })

      test('promotes the pending credential, once and again', async () => {
        const world = createWorld()
        const store = await world.reboot()
        await store.storePending(issued(1))
        await store.promote(issued(1))
        expect(await slots(store)).toEqual({ pending: null, current: 1 })
        await store.promote(issued(1))
        expect(await slots(await world.reboot())).toEqual({ pending: null, current: 1 })
      })

      test('replaces the current credential when the next one is promoted', async () => {
        const world = createWorld()
        const store = await world.reboot()
        await store.storePending(issued(1))
        await store.promote(issued(1))
        await store.storePending(issued(2))
        await store.promote(issued(2))
        expect(await slots(await world.reboot())).toEqual({ pending: null, current: 2 })
      })

      test('promotes nothing but the credential that was proved', async () => {
        const world = createWorld()
        const store = await world.reboot()
        await expect(store.promote(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
        await store.storePending(issued(2))
        await expect(store.promote(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
        await expect(store.promote(withProofOf(issued(2), issued(3)))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
        expect(await slots(await world.reboot())).toEqual({ pending: 2, current: null })
      })

      test('does not promote the current credential over a newer pending one', async () => {
        const world = createWorld()
        const store = await world.reboot()
        await store.storePending(issued(1))
        await store.promote(issued(1))
        await store.storePending(issued(2))
        await expect(store.promote(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
        expect(await slots(await world.reboot())).toEqual({ pending: 2, current: 1 })
      })
    })

    test('keeps the profiles of the cloud over a reboot, and refuses a lower version', async () => {
      const world = createWorld()
      const first = await world.reboot()
      expect(await first.cloudProfiles()).toEqual(NO_CLOUD_PROFILES)
      const radio = { ssid: new Uint8Array([0, 255]), hidden: true, frequenciesMhz: [5180], login: null }
      const sae = { ...radio, security: 'sae', passphrase: new Secret('a passphrase') } as const
      const eap = {
        methods: ['TLS'],
        inner: 'PAP',
        caPem: CA_PEM,
        tlsMaxVersion: '1.2',
        serverName: 'aaa.zipkey.test',
        aaaDomain: 'zipkey.test',
      } as const
      await first.keepCloudProfiles({
        version: 3,
        hotspots: [sae, { security: 'wired-eap', eap }],
        former: [{ ...radio, security: 'open' }],
      })
      const store = await world.reboot()
      const kept = await store.cloudProfiles()
      expect(kept).toMatchObject({
        version: 3,
        hotspots: [
          { ...radio, security: 'sae' },
          { security: 'wired-eap', eap },
        ],
      })
      expect(kept.former).toEqual([{ ...radio, security: 'open' }])
      expect(kept.hotspots.map((each) => 'passphrase' in each && each.passphrase.reveal())).toEqual(['a passphrase', false])
      await expect(store.keepCloudProfiles({ ...kept, version: 2 })).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
      await store.keepCloudProfiles({ ...kept, former: [] })
      expect((await (await world.reboot()).cloudProfiles()).former).toEqual([])
    })

    test('raises the time floor and never lowers it', async () => {
      const world = createWorld()
      const store = await world.reboot()
      await store.raiseTimeFloor(1_700_000_000_000)
      await store.raiseTimeFloor(1_600_000_000_000)
      expect(await store.timeFloor()).toBe(1_700_000_000_000)
      expect(await (await world.reboot()).timeFloor()).toBe(1_700_000_000_000)
    })
  })
}
