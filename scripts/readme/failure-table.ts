/** The README's table of failures, from the one that the agent acts on. */
import { FAILURES } from '../../agent/failure.ts'

const BEGIN = '<!-- failures -->'
const END = '<!-- /failures -->'

/** The failure table in Markdown. */
export function failureTable(): string {
  const rows = Object.entries(FAILURES).map(
    ([code, { disposition, remedy }]) => `| \`${code}\` | ${disposition} | ${remedy.replaceAll('|', '\\|')} |`,
  )
  return ['| code | what the agent does | remedy |', '|---|---|---|', ...rows].join('\n')
}

/** A README with the table between its markers brought up to date. */
export function withFailureTable(readme: string): string {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END}`)
  return `${readme.slice(0, begin + BEGIN.length)}\n${failureTable()}\n${readme.slice(end)}`
}
