/** The page of a report: one HTML file that needs nothing else, runs nothing, and loads nothing. */
import type { BatchRecord } from '../batch/batch-record.ts'
import { barChart, escaped, histogram } from './charts.ts'
import type { BatchYield, StepYield } from './yield.ts'

/** A batch and what became of it. */
export type ReportedBatch = { readonly batch: BatchRecord; readonly counted: BatchYield }

const MOST_REASONS = 15
const MOST_WRONG = 500

const STYLE = `body{font:15px/1.45 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid #d5dae0}
td.n,th.n{text-align:right}svg{max-width:100%;height:auto;font:12px system-ui,sans-serif;fill:#1b1f24}svg rect{fill:#2f6f9f}
h2{margin-top:2.5rem;border-top:3px solid #2f6f9f;padding-top:.5rem}code{font-size:.9em}`

/** A share in per cent; a dash of nothing. */
export const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 1)} %`

/** The whole page. */
export function reportPage(batches: readonly ReportedBatch[], madeAt: Date): string {
  const sections = batches.map(sectionOf).join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Production report</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Production report</h1>
<p>Made ${escaped(madeAt.toISOString())} from the logs of ${batches.length === 1 ? 'one batch' : `${batches.length} batches`}.</p>
${sections}
</body>
</html>
`
}

function sectionOf({ batch: { folder, started }, counted }: ReportedBatch): string {
  return [
    `<h2>Batch ${escaped(started.batch)}</h2>`,
    factsTable([
      ['folder', folder],
      ['account', started.account],
      ['begun', started.at],
      ['devices', String(counted.devices)],
      ['credential', started.credential],
    ]),
    '<h3>Yield</h3>',
    barChart('Yield', [
      { label: 'made', value: counted.devices, text: String(counted.devices) },
      ...counted.steps.map(({ step, good }) => ({ label: step, value: good, text: `${good} (${percent(good, counted.devices)})` })),
    ]),
    yieldTable(counted.steps),
    ...(counted.reasons.length === 0 ? [] : ['<h3>Why attempts failed</h3>', reasonsChart(counted)]),
    ...(counted.flashMs.length < 2
      ? []
      : ['<h3>How long flashing took</h3>', histogram('How long flashing took', counted.flashMs, (ms) => `${(ms / 1000).toFixed(1)} s`)]),
    ...(counted.flashedAtMs.length < 2
      ? []
      : [
          '<h3>When devices were flashed</h3>',
          histogram('When devices were flashed', counted.flashedAtMs, (ms) => new Date(ms).toISOString().slice(0, 16)),
        ]),
    ...(counted.wrong.length === 0 ? [] : ['<h3>Devices that need a look</h3>', wrongTable(counted)]),
  ].join('\n')
}

const factsTable = (facts: readonly (readonly [string, string])[]): string =>
  `<table>${facts.map(([name, value]) => `<tr><th>${name}</th><td>${escaped(value)}</td></tr>`).join('')}</table>`

const yieldTable = (steps: readonly StepYield[]): string =>
  `<table><tr><th>step</th><th class="n">devices</th><th class="n">good at once</th><th class="n">first-pass yield</th><th class="n">good by now</th><th class="n">yield</th></tr>${steps
    .map(
      ({ step, tried, first, good }) =>
        `<tr><td>${step}</td><td class="n">${tried}</td><td class="n">${first}</td><td class="n">${percent(first, tried)}</td><td class="n">${good}</td><td class="n">${percent(good, tried)}</td></tr>`,
    )
    .join('')}</table>`

const reasonsChart = ({ reasons }: BatchYield): string =>
  barChart(
    'Why attempts failed',
    reasons.slice(0, MOST_REASONS).map(({ reason, count }) => ({ label: reason, value: count, text: String(count) })),
  )

function wrongTable({ wrong }: BatchYield): string {
  const rows = wrong.slice(0, MOST_WRONG).map(({ id, what }) => `<tr><td><code>${escaped(id)}</code></td><td>${escaped(what)}</td></tr>`)
  const more = wrong.length <= MOST_WRONG ? '' : `<p>and ${wrong.length - MOST_WRONG} more: zipkey-factory status tells of each.</p>`
  return `<table><tr><th>device</th><th>what</th></tr>${rows.join('')}</table>${more}`
}
