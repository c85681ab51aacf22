/**
 * Counts one vitest report: `passed <n>`, then `failed <name>` for each failure. A test that was skipped counts as failed, and so
 * does a file that could not be loaded or failed outside its tests: nothing may be left out in silence. A failure takes the
 * beginning of what it said along: where only the last lines of a run are kept, a name alone would not tell what happened.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import process from 'node:process'
import { stripVTControlCharacters } from 'node:util'

type TestResult = { readonly status: string; readonly fullName: string; readonly failureMessages?: readonly string[] }
type FileResult = { readonly name: string; readonly status: string; readonly assertionResults: readonly TestResult[] }

const MOST_SAID = 400

/** The message without the stack below it and without colours. */
const said = ([message = '']: readonly string[] = []): string => {
  const text = stripVTControlCharacters(message).split(/\n\s+at /)[0] ?? ''
  return text === '' ? '' : ` | ${text.slice(0, MOST_SAID)}`
}

const failuresOf = (file: FileResult): readonly string[] => {
  const path = relative(process.cwd(), file.name)
  const failures = file.assertionResults.flatMap(({ status, fullName, failureMessages }) =>
    status === 'passed' ? [] : [`${path}: ${fullName}${status === 'failed' ? said(failureMessages) : ` (${status})`}`],
  )
  return file.status !== 'passed' && failures.length === 0 ? [`${path}: outside its tests`] : failures
}

const [, , reportFile = ''] = process.argv
const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8')) as { readonly testResults: readonly FileResult[] }
const passed = testResults.flatMap((file) => file.assertionResults).filter(({ status }) => status === 'passed').length
const lines = [`passed ${passed}`, ...testResults.flatMap(failuresOf).map((name) => `failed ${name.replaceAll(/\s+/g, ' ')}`)]
process.stdout.write(`${lines.join('\n')}\n`)
