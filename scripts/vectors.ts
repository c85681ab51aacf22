/** Writes the contract's vectors: `npm run vectors`. Never edit them by hand; a changed value locks out fielded devices. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contractVectorsText } from './vectors/contract-vectors.ts'

const file = join(import.meta.dirname, '..', 'test', 'vectors', 'contract-v1.json')
await writeFile(file, await contractVectorsText())
process.stdout.write(`wrote ${file}\n`)
