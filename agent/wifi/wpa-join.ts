/** One join: a network block in, the outcome out, and nothing left in wpa_supplicant when it failed. */
import type { EapProfile } from '../credential/eap-profile.ts'
import { AgentError } from '../failure.ts'
import type { Bss } from '../ports.ts'
import type { JoinOutcome } from './join-progress.ts'
import { type Blob, type BssSecurity, blobsOf, networkBlock } from './network-block.ts'
import { followJoin } from './plain-join-progress.ts'
import { neverAborted, until } from './until.ts'
import type { WpaInterface } from './wpa-interface.ts'

/** How long after a scan wpa_supplicant may take to begin with a BSS that the scan has found. */
const NOT_FOUND_AFTER_MS = 3000

/** A network of ours in wpa_supplicant. */
export type OwnNetwork = {
  select(signal: AbortSignal): Promise<Extract<JoinOutcome, { kind: 'joined' }>>
  remove(): Promise<void>
}

/** Adds the network, not yet selected. Not abortable: an answer that nobody waits for would leave a network behind. */
export async function addNetwork(wpa: WpaInterface, bss: Bss, security: BssSecurity, eap: EapProfile | null): Promise<OwnNetwork> {
  const blobs = eap === null ? [] : blobsOf(eap)
  // Sent together: the bus keeps their order, and each answer that need not be waited for saves a turn of the slowest device.
  const adding = blobs.map((blob) => addBlob(wpa, blob))
  const [added, ...blobsAdded] = await Promise.allSettled([
    wpa.call('AddNetwork', 'a{sv}', [networkBlock(bss, security, eap)], neverAborted()),
    ...adding,
  ])
  const removing = (): Promise<unknown>[] => blobs.map(({ name }) => wpa.call('RemoveBlob', 's', [name], neverAborted()))
  const refused = blobsAdded.find(({ status }) => status === 'rejected')
  if (added.status === 'rejected') {
    await Promise.allSettled(removing())
    throw isRefused(added.reason) ? unsupported(bss) : added.reason
  }
  const [path] = added.value
  const remove = async (): Promise<void> => {
    if (wpa.failure() !== null) return
    await Promise.all([wpa.call('RemoveNetwork', 'o', [path], neverAborted()), ...removing()])
  }
  if (refused?.status === 'rejected') {
    await remove().catch(() => {})
    throw refused.reason
  }
  return { select: (signal) => select(wpa, String(path), bss, signal), remove }
}

/** wpa_supplicant refuses a block with something that it was built without. */
const isRefused = (error: unknown): boolean => error instanceof AgentError && error.message.includes('InvalidArgs')

const unsupported = ({ hotspot }: Bss): AgentError =>
  new AgentError('ERR_WIFI_UNSUPPORTED', `wpa_supplicant knows no network of kind ${hotspot.security} with these settings`)

/** A blob is named by what it holds, so one that is there already is the right one. */
async function addBlob(wpa: WpaInterface, { name, text }: Blob): Promise<void> {
  try {
    await wpa.call('AddBlob', 'say', [name, Buffer.from(text)], neverAborted())
  } catch (error) {
    if (!(error instanceof AgentError && error.message.includes('BlobExists'))) throw error
  }
}

function select(wpa: WpaInterface, path: string, bss: Bss, signal: AbortSignal): Promise<Extract<JoinOutcome, { kind: 'joined' }>> {
  return until(signal, (settle, fail) => {
    const follow = followJoin(bss.hotspot)
    let notFound: NodeJS.Timeout | null = null
    const stop = wpa.listen(
      (member, body) => {
        const progress = follow(member, body)
        if (progress.phase !== 'scanning' && notFound !== null) {
          clearTimeout(notFound)
          notFound = null
        }
        if (member === 'ScanDone' && progress.phase === 'scanning') notFound ??= setTimeout(() => fail(notInRange(bss)), NOT_FOUND_AFTER_MS)
        if (progress.outcome?.kind === 'joined') settle(progress.outcome)
        if (progress.outcome?.kind === 'failed') fail(new AgentError(progress.outcome.failure.code, progress.outcome.failure.detail))
      },
      ({ code, detail }) => fail(new AgentError(code, detail)),
    )
    wpa.call('SelectNetwork', 'o', [path], signal).catch(fail)
    return () => {
      stop()
      if (notFound !== null) clearTimeout(notFound)
    }
  })
}

const notInRange = ({ bssid, frequencyMhz }: Bss): AgentError =>
  new AgentError('ERR_WIFI_NO_HOTSPOT', `${bssid} does not answer on ${frequencyMhz} MHz any more`)
