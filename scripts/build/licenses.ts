/** The licences of everything that is bundled, in one text, as most of them ask. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject } from '../../agent/contract/parsed.ts'

/** Gathers the licence of every package that a bundle took a file from; one without a licence text is an error. */
export function licensesOf(root: string, inputs: readonly string[]): string {
  const folders = new Set(inputs.flatMap((input) => packageFolder(input) ?? []))
  return [...folders]
    .sort()
    .map((folder) => licenseOf(join(root, folder)))
    .join(`\n${'-'.repeat(80)}\n\n`)
}

/** The folder of the package that a file belongs to; null for a file of our own. */
export const packageFolder = (input: string): string | null => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? null

function licenseOf(folder: string): string {
  const about: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (!isObject(about)) throw new Error(`${folder}/package.json is not an object`)
  const title = `${String(about.name)} ${String(about.version)}: ${String(about.license)}`
  const file = existsSync(folder) ? readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name)) : undefined
  return `${title}\n\n${file === undefined ? readmeLicense(folder, title) : readFileSync(join(folder, file), 'utf8').trim()}\n`
}

/** A few packages keep their licence in the README. */
function readmeLicense(folder: string, title: string): string {
  const readme = readdirSync(folder).find((name) => /^readme/i.test(name))
  const text = readme === undefined ? '' : readFileSync(join(folder, readme), 'utf8')
  const at = text.search(/^#* *licen[cs]e/im)
  return at < 0 ? `(${title}; the package carries no licence text)` : text.slice(at).trim()
}
