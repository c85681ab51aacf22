/** Reads the files that the factory command is given; each refusal is one line that names the file. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { JSONWebKeySet } from 'jose'
import { isObject, type Parsed } from '../../agent/contract/parsed.ts'
import { parseSecretText } from '../../agent/contract/secret-text.ts'
import { parseSigningKeys } from '../../agent/contract/signed-time.ts'
import { parseJson } from '../../config/json.ts'
import type { JsonObject } from './ca-config.ts'

/** A cell of a list that is wrong: rows are counted from the top of the file, as a spreadsheet does. */
export type CellProblem = { readonly file: string; readonly row: number; readonly column: string; readonly problem: string }

/** A problem in one line. */
export const problemLine = (problem: string | CellProblem): string =>
  typeof problem === 'string' ? problem : `${problem.file}: row ${problem.row}, column ${problem.column}: ${problem.problem}`

/** A refusal for the person at the command line: a line for every problem, naming its place and what helps. */
export class InputError extends Error {
  readonly problems: readonly (string | CellProblem)[]

  constructor(...problems: readonly (string | CellProblem)[]) {
    super(problems.map(problemLine).join('\n'))
    this.problems = problems
  }
}

/** The text of a file. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new InputError(`${file}: cannot be read`)
  }
}

const take = <T>(file: string, result: Parsed<T>): T => {
  if (result.ok) return result.value
  throw new InputError(`${file}: ${result.problem}`)
}

/** A provisioning key in its text form. */
export const readProvisioningKey = (file: string): Uint8Array => take(file, parseSecretText('zkp_', readText(file)))

/** The cloud's public signing keys. */
export const readSigningKeys = (file: string): JSONWebKeySet => take(file, parseSigningKeys(take(file, parseJson(readText(file)))))

/** One hotspot profile, or a list of them, as in `hotspots[]`; a CA named by file is taken in. */
export function readHotspots(file: string): readonly JsonObject[] {
  const value = take(file, parseJson(readText(file)))
  const profiles: readonly unknown[] = Array.isArray(value) ? value : [value]
  return profiles.map((profile) => {
    if (!isObject(profile)) throw new InputError(`${file}: expected a hotspot profile in { }, or a list of them`)
    return withCaInside(profile, dirname(file))
  })
}

function withCaInside(profile: JsonObject, directory: string): JsonObject {
  const { eap } = profile
  if (!isObject(eap) || !isObject(eap.ca) || typeof eap.ca.file !== 'string') return profile
  return { ...profile, eap: { ...eap, ca: readText(resolve(directory, eap.ca.file)) } }
}
