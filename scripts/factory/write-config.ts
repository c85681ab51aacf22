/** Writes a CA config so that a device has either a whole, checked one or none. */
import { loadConfig } from '../../config/load.ts'
import { replaceFile } from '../../config/replace-file.ts'
import type { JsonObject } from './ca-config.ts'

/** Who may read a file that holds secrets: its owner, or also its group. */
export type ConfigMode = 0o600 | 0o640

/** Written, or every problem with it; then there is no new file, and an old one stays as it was. */
export type Written = { readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }

/** What the agent says about a file, which `name` stands for. */
export function checkConfig(file: string, name: string): Written {
  const loaded = loadConfig({ environment: {}, configFile: file })
  return loaded.ok ? { ok: true } : { ok: false, problems: loaded.problems.map((line) => line.replaceAll(file, name)) }
}

/** Checks and writes; the file is complete on disk before it has its name. */
export async function writeConfig(file: string, document: JsonObject, mode: ConfigMode): Promise<Written> {
  let checked: Written = { ok: true }
  const isGood = (unfinished: string): boolean => {
    checked = checkConfig(unfinished, file)
    return checked.ok
  }
  await replaceFile(file, { text: `${JSON.stringify(document, null, 2)}\n`, mode, owner: null, isGood })
  return checked
}
