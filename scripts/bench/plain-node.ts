/** Starting Node the way that every measurement here starts it. */
import { type ChildProcess, spawn } from 'node:child_process'

/** NODE_EXTRA_CA_CERTS makes every start of Node two to three times slower; the unit never sets it, nor NODE_OPTIONS. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...environment } = process.env
  return environment
}

/** Starts the node that runs this, silent. */
export const startNode = (args: readonly string[], environment: NodeJS.ProcessEnv = plainEnvironment()): ChildProcess =>
  spawn(process.execPath, [...args], { stdio: 'ignore', env: environment })

/** The middle value. */
export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
