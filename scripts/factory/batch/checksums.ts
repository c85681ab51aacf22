/** `SHA256SUMS`, as sha256sum(1) writes and checks it: of each device's file as its group is written, of the rest at the end. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { DeviceLine } from './run-log.ts'

/** The file's name. */
export const CHECKSUMS = 'SHA256SUMS'

/** A device's line; empty where it has no file. */
export const checksumLine = ({ file, sha256 }: DeviceLine): string => (file === null ? '' : `${sha256}  ${file}\n`)

/** The lines of other files. */
export async function checksumLinesOf(folder: string, files: readonly string[]): Promise<string> {
  let lines = ''
  for (const file of files) {
    const sum = createHash('sha256')
    for await (const part of createReadStream(join(folder, file))) sum.update(part as Buffer)
    lines += `${sum.digest('hex')}  ${file}\n`
  }
  return lines
}
