/** Shell lines that a device runs, made for dash and busybox; files cross in base64. */
import type { FileAccess } from './target.ts'

/** A word as the shell takes it. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Prints the file in base64; exit code 44 where there is none. */
export const readCommand = (path: string): string => `if [ -e ${shellQuoted(path)} ]; then base64 ${shellQuoted(path)}; else (exit 44); fi`

/** The exit code for no such file. */
export const NO_SUCH_FILE = 44

/** Reads base64 on stdin into the file: under another name, synced, renamed, synced. */
export function writeCommand(path: string, { mode, uid, gid }: FileAccess): string {
  const [file, unfinished] = [shellQuoted(path), shellQuoted(`${path}.new`)]
  const owner = uid === null && gid === null ? [] : [`chown ${uid ?? ''}:${gid ?? ''} ${unfinished}`]
  const steps = [
    `mkdir -p "$(dirname ${file})"`,
    `(umask 077; base64 -d > ${unfinished})`,
    `chmod ${mode.toString(8)} ${unfinished}`,
    ...owner,
    'sync',
    `mv -f ${unfinished} ${file}`,
    'sync',
  ]
  return `{ ${steps.join(' && ')}; }`
}

/** Base64 in lines that any terminal takes. */
export const base64Lines = (bytes: Uint8Array): string => `${Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\n')}\n`
