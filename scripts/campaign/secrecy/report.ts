/** The verdict as a matrix: channels down; what was planted, what was found, and every secret that was found where it should not be. */

import { isClean, type Verdict } from './campaign.ts'
import { CHANNELS, CONTROLS } from './channels.ts'

const row = (...cells: readonly (string | number)[]): string =>
  `  ${String(cells[0]).padEnd(16)}${cells
    .slice(1)
    .map((cell) => String(cell).padStart(12))
    .join('')}`

/** The lines to print. */
export function reportOf(verdict: Verdict): readonly string[] {
  const { secrets, channels, controls, readers, problems, sampling } = verdict
  const forms = secrets.reduce((sum, each) => sum + each.forms, 0)
  return [
    `${secrets.length} secrets, and any token, in ${forms} forms:`,
    ...secrets.map((each) => `  ${each.name} (${each.forms})`),
    '',
    row('channel', 'bytes', 'secrets', 'forms', 'planted', 'found', 'findings'),
    ...channels.map(({ channel, bytes, planted, found, findings }) =>
      row(channel, bytes, secrets.length + 1, forms + 10, planted, found, findings.length),
    ),
    row('readers', '-', '-', '-', 1, readers.plantFound ? 1 : 0, readers.problems.length),
    ...channels.map(({ channel }) => `  ${channel}: ${CHANNELS[channel]}`),
    '  readers: modes and owners of everything in /var/lib/zipkey and /etc/zipkey',
    `  processes were sampled: ${sampling}`,
    '',
    'Where secrets belong, so that it is known that the right ones were looked for:',
    ...controls.map(({ control, bytes, found }) => `  ${control} (${CONTROLS[control]}), ${bytes} bytes: ${found.join(', ') || 'none'}`),
    ...channels.flatMap(({ channel, findings }) => findings.map((finding) => `FOUND in ${channel}: ${finding}`)),
    ...channels.flatMap(({ channel, missing }) => missing.map((each) => `NOT FOUND though planted in ${channel}: ${each}`)),
    ...controls.flatMap(({ control, problems: each }) => each.map((problem) => `CONTROL ${control}: ${problem}`)),
    ...readers.problems.map((each) => `READER: ${each}`),
    ...(readers.plantFound ? [] : ['NOT FOUND though planted: a file that others may read']),
    ...problems.map((each) => `RUN: ${each}`),
    isClean(verdict) ? 'Nothing got out, and every decoy was found.' : 'The campaign failed.',
  ]
}
