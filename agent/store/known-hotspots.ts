/**
 * The hint file of the state directory: which hotspots led to the cloud before. Losing it costs at most one detour, so it is written
 * without waiting for the disk, and a disk that refuses it, or gives it back torn, is no failure.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.ts'
import type { KnownHotspots } from '../ports.ts'
import { errnoOf } from './store-error.ts'

/** Its name in the state directory. */
export const KNOWN_HOTSPOTS_FILE = 'known-hotspots.json'

const FILE_MODE = 0o600
const MOST_BYTES = 16 * 1024

/** The hint of this state directory. */
export function openKnownHotspots(directory: string, log: Log): KnownHotspots {
  const file = join(directory, KNOWN_HOTSPOTS_FILE)
  return {
    load: async () => {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') log.debug({ file, errno: errnoOf(error) }, 'the known hotspots cannot be read')
        return ''
      })
      return parseKnown(text)
    },
    keep: async (known) => {
      const temporary = `${file}.tmp`
      try {
        await writeFile(temporary, `${JSON.stringify({ format: 1, known })}\n`, { mode: FILE_MODE })
        await rename(temporary, file)
      } catch (error) {
        log.debug({ file, errno: errnoOf(error) }, 'the known hotspots cannot be kept')
      }
    },
  }
}

/** Reads the file's text; whatever is not as it should be is no hint. */
export function parseKnown(text: string): readonly string[] {
  if (text.length > MOST_BYTES) return []
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('known' in value) || !Array.isArray(value.known)) return []
    return value.known.filter((key: unknown) => typeof key === 'string')
  } catch {
    return []
  }
}
