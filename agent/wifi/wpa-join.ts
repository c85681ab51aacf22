/** One join: a network block in, the outcome out, and nothing left in wpa_supplicant when it failed. */
import { createHash } from 'node:crypto'
import type { EapProfile } from '../credential/eap-profile.ts'
import { AgentError } from '../failure.ts'
import type { Bss } from '../ports.ts'
import { type BssSecurity, networkBlock } from './eap-network.ts'
import { advanceJoin, JOIN_BEGINNING, type JoinOutcome } from './join-progress.ts'
import { neverAborted, until } from './until.ts'
import type { WpaInterface } from './wpa-interface.ts'

/** How long after a scan wpa_supplicant may take to begin with a BSS that the scan has found. */
const NOT_FOUND_AFTER_MS = 1000

/** A network of ours in wpa_supplicant. */
export type OwnNetwork = {
  select(signal: AbortSignal): Promise<Extract<JoinOutcome, { kind: 'joined' }>>
  remove(): Promise<void>
}

/** Adds the network, not yet selected. Not abortable: an answer that nobody waits for would leave a network behind. */
export async function addNetwork(wpa: WpaInterface, bss: Bss, security: BssSecurity, eap: EapProfile): Promise<OwnNetwork> {
  const blobName = await addCaBlob(wpa, eap.caPem)
  const [path] = await wpa.call('AddNetwork', 'a{sv}', [networkBlock(bss, security, eap, blobName)], neverAborted())
  return {
    select: (signal) => select(wpa, String(path), bss, signal),
    remove: async () => {
      if (wpa.failure() === null) await wpa.call('RemoveNetwork', 'o', [path], neverAborted())
    },
  }
}

/** The CA goes in as a blob, named by what it holds: the same CA is added once. */
async function addCaBlob(wpa: WpaInterface, caPem: string): Promise<string> {
  const name = `zipkey-ca-${createHash('sha256').update(caPem).digest('hex').slice(0, 32)}`
  try {
    await wpa.call('AddBlob', 'say', [name, Buffer.from(caPem)], neverAborted())
  } catch (error) {
    if (!(error instanceof AgentError && error.message.includes('BlobExists'))) throw error
  }
  return name
}

function select(wpa: WpaInterface, path: string, bss: Bss, signal: AbortSignal): Promise<Extract<JoinOutcome, { kind: 'joined' }>> {
  return until(signal, (settle, fail) => {
    let progress = JOIN_BEGINNING
    let notFound: NodeJS.Timeout | null = null
    const stop = wpa.listen(
      (member, body) => {
        progress = advanceJoin(progress, member, body)
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
