/** Writes a CA config so that a device has either a whole, checked one or none. */
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { loadConfig } from '../../config/load.ts'
import type { JsonObject } from './ca-config.ts'

/** Who may read a file that holds secrets: its owner, or also its group. */
export type ConfigMode = 0o600 | 0o640

/** Written, or every problem with it; then there is no new file, and an old one stays as it was. */
export type Written = { readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }

/** Checks and writes; the file is complete on disk before it has its name. */
export function writeConfig(file: string, document: JsonObject, mode: ConfigMode): Written {
  const unfinished = `${file}.${process.pid}.new`
  const descriptor = openSync(unfinished, 'wx', mode)
  try {
    writeDurably(descriptor, `${JSON.stringify(document, null, 2)}\n`, mode)
    const loaded = loadConfig({ environment: {}, configFile: unfinished })
    if (!loaded.ok) return { ok: false, problems: loaded.problems.map((line) => line.replaceAll(unfinished, file)) }
    renameSync(unfinished, file)
    syncDirectory(dirname(file))
    return { ok: true }
  } finally {
    rmSync(unfinished, { force: true })
  }
}

function writeDurably(descriptor: number, text: string, mode: ConfigMode): void {
  try {
    fchmodSync(descriptor, mode)
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
