import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Gives every file below a folder, in a fixed order. */
export function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
}

/** One short key for texts and the content of files: it changes when any of them does. */
export function contentKey(parts: { texts: readonly string[]; files: readonly string[] }): string {
  const hash = createHash('sha256')
  for (const text of parts.texts) hash.update(`text\0${text.length}\0${text}`)
  for (const file of parts.files) {
    const status = lstatSync(file)
    const content = status.isSymbolicLink() ? Buffer.from(readlinkSync(file)) : readFileSync(file)
    hash.update(`file\0${status.mode & 0o777}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}
