/** What is to be flashed onto what: one device from the command line, or a list in CSV with columns `id` and `target`. */
import { parse } from 'csv-parse/sync'
import { isObject } from '../../../agent/contract/parsed.ts'
import { type CellProblem, InputError, readText } from '../inputs.ts'

/** One device and where it is. */
export type FlashJob = { readonly id: string; readonly target: string }

/** Reads a list; a target or an id that stands in it twice is refused. */
export function readFlashJobs(file: string): readonly FlashJob[] {
  const problems: CellProblem[] = []
  const seen = { id: new Map<string, number>(), target: new Map<string, number>() }
  const jobs = rowsOf(file).map((row, index): FlashJob => {
    const line = index + 2
    const { id, target } = isObject(row) ? row : {}
    const job = { id: typeof id === 'string' ? id : '', target: typeof target === 'string' ? target : '' }
    for (const column of ['id', 'target'] as const) {
      const before = seen[column].get(job[column])
      if (job[column] === '') problems.push({ file, row: line, column, problem: 'is empty' })
      else if (before !== undefined) problems.push({ file, row: line, column, problem: `stands in row ${before} already` })
      seen[column].set(job[column], line)
    }
    return job
  })
  if (problems.length > 0) throw new InputError(...problems)
  if (jobs.length === 0) throw new InputError(`${file}: row 2, column id: there is no device in this list`)
  return jobs
}

function rowsOf(file: string): readonly unknown[] {
  try {
    return parse(readText(file), { columns: true, bom: true, skip_empty_lines: true, delimiter: [',', ';', '\t'] })
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(`${file}: is not CSV with a header and the columns id and target, all rows as long as it`)
  }
}
