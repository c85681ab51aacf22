/** JSON files of the factory, read by the config's readers: every problem names file and key. */
import { dirname } from 'node:path'
import { parseJson } from '../../config/json.ts'
import type { Reader, Reading } from '../../config/reader.ts'
import { InputError, readText } from './inputs.ts'

class FileReading implements Reading {
  readonly problems: string[] = []
  readonly credentialsDirectory = null
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  problem(path: string, message: string): void {
    this.problems.push(`${this.#file}: ${path === '' ? '' : `${path.replace(/^\./, '')}: `}${message}`)
  }

  warning(): void {}

  holdsSecret(): void {}

  directoryOf(): string {
    return dirname(this.#file)
  }
}

/** Reads a JSON file; an InputError holds a line for every problem. */
export function readJsonFile<T>(file: string, reader: Reader<T>): T {
  const json = parseJson(readText(file))
  if (!json.ok) throw new InputError(`${file}: ${json.problem}`)
  const reading = new FileReading(file)
  const value = reader.read(json.value, '', reading)
  if (value === undefined || reading.problems.length > 0) throw new InputError(...reading.problems)
  return value
}
