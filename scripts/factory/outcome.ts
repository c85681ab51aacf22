/** How every command ends: lines or JSON on stdout, problems one to a line on stderr, and an exit code that says which kind. */
import { CloudError } from './cloud/cloud-error.ts'
import { InputError, problemLine } from './inputs.ts'
import { LockedError } from './lock.ts'
import { TargetError } from './target/target.ts'

/** Exit codes, those of sysexits(3) where it has one. */
export const EXIT = {
  done: 0,
  /** Devices or rows failed, each with its reason; the rest is done. */
  someFailed: 1,
  usage: 64,
  badInput: 65,
  bug: 70,
  /** A disk is full or failing, a device cannot be written, or the cloud not be reached. */
  output: 74,
  /** Another run works on the same. */
  locked: 75,
  interrupted: 130,
} as const

/** What a command did: for people, and as members of the JSON. */
export type Outcome = {
  readonly lines: readonly string[]
  readonly json: Readonly<Record<string, unknown>>
  readonly exitCode?: (typeof EXIT)[keyof typeof EXIT]
}

/** The person pressed Ctrl-C. */
export class InterruptedError extends Error {
  constructor() {
    super('interrupted')
  }
}

/** A run that stopped amid its work, and what is done all the same. */
export class StoppedError extends Error {
  /** In one line: how much is done, and how to go on. */
  readonly standing: string

  constructor(standing: string, cause: unknown) {
    super(standing, { cause })
    this.standing = standing
  }
}

type Failure = { readonly exitCode: number; readonly lines: readonly string[]; readonly problems: readonly unknown[] }

/** Runs a command to its end and sets the exit code. */
export async function conclude(json: boolean, act: () => Promise<Outcome>): Promise<void> {
  try {
    const outcome = await act()
    process.exitCode = outcome.exitCode ?? EXIT.done
    if (json) console.log(JSON.stringify({ ok: process.exitCode === EXIT.done, exit: process.exitCode, ...outcome.json }))
    else for (const line of outcome.lines) console.log(line)
  } catch (error) {
    const { exitCode, lines, problems } = failureOf(error)
    process.exitCode = exitCode
    if (json) console.log(JSON.stringify({ ok: false, exit: exitCode, problems }))
    else for (const line of lines) console.error(line)
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof StoppedError) {
    const { exitCode, lines, problems } = failureOf(error.cause)
    return { exitCode, lines: [...lines, error.standing], problems: [...problems, error.standing] }
  }
  if (error instanceof InputError) {
    const lines = error.problems.map(problemLine)
    return {
      exitCode: EXIT.badInput,
      lines,
      problems: error.problems.map((each) => (typeof each === 'string' ? { problem: each } : each)),
    }
  }
  if (error instanceof LockedError) return told(EXIT.locked, error.message)
  if (error instanceof CloudError) return told(EXIT.output, error.message)
  if (error instanceof TargetError) return told(EXIT.output, error.message)
  if (error instanceof InterruptedError) return told(EXIT.interrupted, error.message)
  if (isSystemError(error)) return told(EXIT.output, diskLine(error))
  return told(EXIT.bug, error instanceof Error ? (error.stack ?? error.message) : String(error))
}

const told = (exitCode: number, line: string): Failure => ({ exitCode, lines: [line], problems: [{ problem: line }] })

type SystemError = Error & { readonly code: string; readonly path?: string }

const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'

function diskLine(error: SystemError): string {
  const place = error.path === undefined ? '' : `${error.path}: `
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `${place}the disk is full: make room`
    case 'EROFS':
      return `${place}the disk is read-only`
    case 'EACCES':
    case 'EPERM':
      return `${place}this user may not write here`
    default:
      return `${place}the disk failed (${error.message})`
  }
}
