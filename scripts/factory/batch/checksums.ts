/** `SHA256SUMS`, as sha256sum(1) writes and checks it. */
import { createHash } from 'node:crypto'
import { createReadStream, renameSync } from 'node:fs'
import { join } from 'node:path'
import { GrowingFile, syncFolder } from '../durable.ts'
import { RUN_LOG } from './batch-folder.ts'
import { devicesOf } from './run-log.ts'

const NAME = 'SHA256SUMS'
const LINES_AT_ONCE = 10_000

/** Writes the sums of these files, and of every device's file as the log has it. */
export async function writeChecksums(folder: string, files: readonly string[]): Promise<void> {
  const unfinished = join(folder, `.${NAME}.new`)
  const sums = new GrowingFile(unfinished, 0)
  try {
    for (const file of files) sums.append(`${await sha256Of(join(folder, file))}  ${file}\n`)
    let lines: string[] = []
    for await (const { file, sha256 } of devicesOf(join(folder, RUN_LOG))) {
      if (file === null || sha256 === null) continue
      lines.push(`${sha256}  ${file}\n`)
      if (lines.length < LINES_AT_ONCE) continue
      sums.append(lines.join(''))
      lines = []
    }
    sums.append(lines.join(''))
    sums.sync()
  } finally {
    sums.close()
  }
  renameSync(unfinished, join(folder, NAME))
  syncFolder(folder)
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Buffer)
  return hash.digest('hex')
}
