/** Writes the failure table into README.md: `npm run readme`. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withFailureTable } from './readme/failure-table.ts'

const file = join(import.meta.dirname, '..', 'README.md')
await writeFile(file, withFailureTable(await readFile(file, 'utf8')))
