/**
 * `zipkey-agent --reset`: forgets what the agent makes again by itself, and nothing that could be the last credential the cloud
 * accepts. Whether a pending credential is accepted already, or a foreign one still, cannot be told from here, so neither ever goes; nor
 * does the time floor, which keeps an old certificate from being believed.
 *
 * The nonce goes and the key stays. Either way the next swap works: the key of a certificate that was stored stands in its slot too, and
 * a key that is spent is replaced. But where that slot went bad, this is the last copy of a key whose certificate the cloud may accept
 * and has on record, while a nonce brings no secret back.
 */
import { constants } from 'node:fs'
import { resolve } from 'node:path'
import type { DeviceName } from '../contract/names.ts'
import { parsed } from '../contract/parsed.ts'
import type { Log } from '../log.ts'
import { type Files, systemFiles } from './files.ts'
import { KNOWN_HOTSPOTS_FILE } from './known-hotspots.ts'
import { lockDirectory } from './lock.ts'
import { decodeSlot, isBeyondReading } from './records.ts'
import { isTemporaryName, StateDirectory } from './state-directory.ts'
import { errnoOf, storeError } from './store-error.ts'

/** Which directory, whose. `files` is for tests. */
export type ResetOptions = { readonly directory: string; readonly identity: DeviceName; readonly log: Log; readonly files?: Files }

/** The names of the files that went, and of those that stayed. */
export type ResetResult = { readonly forgotten: readonly string[]; readonly kept: readonly string[] }

/** Refuses while an agent runs. Run by root it leaves nothing behind that the agent could not write. */
export async function resetState(options: ResetOptions): Promise<ResetResult> {
  const { log, files = systemFiles } = options
  const path = resolve(options.directory)
  try {
    const fd = await files.open(path, constants.O_RDONLY | constants.O_DIRECTORY, 0)
    const directory = new StateDirectory(files, path, fd, log)
    try {
      await lockDirectory(fd, path)
      return await forget(directory, options.identity)
    } finally {
      await directory.close()
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { forgotten: [], kept: [] }
    throw storeError(`reset the state directory ${path}`, error)
  }
}

async function forget(directory: StateDirectory, identity: DeviceName): Promise<ResetResult> {
  const current = await directory.inspect('current.json', (text) => decodeSlot(text, identity))
  const forgotten: string[] = []
  const kept: string[] = []
  for (const name of (await directory.names()).toSorted()) {
    if (await mayGo(directory, name, current.kind === 'good')) {
      await directory.remove(name)
      forgotten.push(name)
    } else kept.push(name)
  }
  await directory.sync()
  return { forgotten, kept }
}

async function mayGo(directory: StateDirectory, name: string, hasCurrent: boolean): Promise<boolean> {
  if (name === 'nonce' || name.startsWith(KNOWN_HOTSPOTS_FILE) || isTemporaryName(name) || /^(nonce|time-floor)\.set-aside-\d+$/.test(name))
    return true
  if (!hasCurrent || !/^(pending|current)\.json\.set-aside-\d+$/.test(name)) return false
  const found = await directory.inspect(name, (text) => parsed(isBeyondReading(text)))
  return found.kind === 'good' && found.value
}
