/** The product's own programs as the build made them; the story uses no other way in than its users have. */
import { join } from 'node:path'

/** A program of `dist/`. */
export const builtProgram = (name: 'zipkey-agent' | 'zipkey-cloud' | 'zipkey-factory'): string =>
  join(import.meta.dirname, '../../dist', `${name}.cjs`)

/** What is put before a command so that it runs in a network namespace; nothing runs it here. */
export type Inside = readonly string[]

/** Runs it in the named network namespace. */
export const insideNamespace = (name: string): Inside => ['ip', 'netns', 'exec', name]
