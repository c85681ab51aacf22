/** Says what the store thinks of a directory, from within the mount namespace that a test made. */
import { volatileBecause } from '../../../agent/store/durability.ts'

volatileBecause(process.argv[2] ?? '').then((because) => process.stdout.write(`${because}\n`))
