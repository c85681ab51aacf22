/**
 * Counts one vitest report: `passed <n>`, then `failed <name>` for each failure. A test that was skipped counts as failed, and so
 * does a file that could not be loaded or failed outside its tests: nothing may be left out in silence.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import process from 'node:process'

type TestResult = { readonly status: string; readonly fullName: string }
type FileResult = { readonly name: string; readonly status: string; readonly assertionResults: readonly TestResult[] }

const failuresOf = (file: FileResult): readonly string[] => {
  const path = relative(process.cwd(), file.name)
  const failures = file.assertionResults.flatMap(({ status, fullName }) =>
    status === 'passed' ? [] : [`${path}: ${fullName}${status === 'failed' ? '' : ` (${status})`}`],
  )
  return file.status !== 'passed' && failures.length === 0 ? [`${path}: outside its tests`] : failures
}

const [, , reportFile = ''] = process.argv
const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8')) as { readonly testResults: readonly FileResult[] }
const passed = testResults.flatMap((file) => file.assertionResults).filter(({ status }) => status === 'passed').length
const lines = [`passed ${passed}`, ...testResults.flatMap(failuresOf).map((name) => `failed ${name.replaceAll('\n', ' ')}`)]
process.stdout.write(`${lines.join('\n')}\n`)
