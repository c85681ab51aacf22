import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const keepUnusedMs = 1_800_000

/** The checkout this file belongs to. */
export function checkoutFolder(): string {
  return fileURLToPath(new URL('../../', import.meta.url))
}

/** Where the lab keeps what it built: `.lab/` in the checkout, which git ignores. */
export function labFolder(): string {
  const folder = join(checkoutFolder(), '.lab')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** What the guest sees of the lab's source: files for its root image, and the first program of its initramfs. */
export function guestFolder(): string {
  return fileURLToPath(new URL('guest/', import.meta.url))
}

/**
 * Gives the folder `.lab/<kind>-<key>`, built once. It appears under its name only when complete, so that a build that was
 * interrupted, or two at the same time, do no harm. Others of the kind go when nobody asked for them for half an hour.
 */
export async function buildOnce(kind: string, key: string, build: (folder: string) => Promise<void>): Promise<string> {
  const finished = join(labFolder(), `${kind}-${key}`)
  if (existsSync(finished)) {
    utimesSync(finished, new Date(), new Date())
    return finished
  }
  const unfinished = mkdtempSync(join(labFolder(), `unfinished-${kind}-`))
  try {
    await build(unfinished)
    renameSync(unfinished, finished)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    if (!existsSync(finished)) throw error
  }
  removeUnused(kind, finished)
  return finished
}

function removeUnused(kind: string, current: string): void {
  for (const name of readdirSync(labFolder())) {
    const folder = join(labFolder(), name)
    const ofThisKind = name.startsWith(`${kind}-`) || name.startsWith(`unfinished-${kind}-`)
    if (ofThisKind && folder !== current && Date.now() - statSync(folder).mtimeMs > keepUnusedMs) {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
