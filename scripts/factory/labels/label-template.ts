/** What a label says and how large it is, from a template in JSON. */
import { resolve } from 'node:path'
import { parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { choice, integer, list, type Reader, text } from '../../../config/reader.ts'
import { optional, record } from '../../../config/record.ts'
import { type DeviceValues, fillIn, parseVariableText, type VariableText } from '../certificate/variable-text.ts'
import { readJsonFile } from '../read-json.ts'
import { matrixOf, QUIET_MODULES } from './qr-matrix.ts'

/** A template. Lengths of the label are in millimetres; `dotsPerMm` is the label printer's. */
export type LabelTemplate = {
  readonly widthMm: number
  readonly heightMm: number
  /** `A4`: as many on a sheet as fit. `label`: a page each, for printers with rolls. */
  readonly page: 'A4' | 'label'
  readonly qr: VariableText
  readonly lines: readonly VariableText[]
  /** A TrueType or OpenType font for texts beyond Western European; null for Helvetica. */
  readonly fontFile: string | null
  readonly dotsPerMm: number
}

/** The space around everything on a label. */
export const PADDING_MM = 2

const MAX_LINES = 6
/** Cameras of phones read 0.3 mm from a hand's breadth. */
const MIN_MODULE_MM = 0.3
/** Windows-1252, which is what PDF's own fonts have. */
const WESTERN_EUROPEAN = /^[\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/

function templateReader(names: readonly string[]): Reader<Omit<LabelTemplate, 'fontFile'> & { readonly font: string | null }> {
  const variable = text('A text, perhaps with variables such as {id}.', (value) => parseVariableText(value, names))
  const plain = (value: string): VariableText => {
    const made = parseVariableText(value, names)
    if (!made.ok) throw new TypeError(made.problem)
    return made.value
  }
  return record('A label template.', {
    widthMm: optional(integer('How wide a label is, in millimetres.', 20, 200), 60),
    heightMm: optional(integer('How high a label is, in millimetres.', 10, 200), 30),
    page: optional(choice('A4: as many on a sheet as fit; label: a page each.', ['A4', 'label']), 'A4' as const),
    qr: optional(variable, plain('{id}')),
    lines: optional(list('The lines beside the QR code.', variable, 1), [plain('{id}'), plain('{account}')]),
    font: optional(
      text('A font file (TTF, OTF); Helvetica where missing.', (value) => (value === '' ? unparsed('expected a file') : parsed(value))),
      null,
    ),
    dotsPerMm: optional(integer('The resolution of the label printer: 6, 8, 12 or 24 dots to a millimetre.', 6, 24), 8),
  })
}

/** Reads a template file, or gives the one that stands in where there is none. `names` are the variables there are. */
export function readLabelTemplate(file: string | null, names: readonly string[]): LabelTemplate {
  const reader = templateReader(names)
  const silent = { problem() {}, warning() {}, holdsSecret() {}, directoryOf: () => '', credentialsDirectory: null }
  const read = file === null ? reader.read({}, '', silent) : readJsonFile(file, reader)
  if (read === undefined) throw new TypeError('the standard template is read')
  const { font, ...rest } = read
  return { ...rest, fontFile: font === null ? null : resolve(file ?? '.', '..', font) }
}

/** What cannot be on the label of one device, in a line, or null. */
export function faultOfLabel(template: LabelTemplate, values: DeviceValues): string | null {
  if (template.lines.length > MAX_LINES) return `a label has at most ${MAX_LINES} lines`
  const matrix = matrixOf(fillIn(template.qr, values))
  if (matrix === null) return "the label's QR code would be empty or hold more than one can"
  const sideMm = Math.min(template.heightMm, template.widthMm) - 2 * PADDING_MM
  if (sideMm / (matrix.size + 2 * QUIET_MODULES) < MIN_MODULE_MM)
    return "the label is too small for its QR code: make it larger, or the code's text shorter"
  if (template.fontFile !== null) return null
  const wrong = template.lines.map((line) => fillIn(line, values)).find((line) => !WESTERN_EUROPEAN.test(line))
  return wrong === undefined ? null : `the label's ${JSON.stringify(wrong)} needs a font of its own: name one in the label template`
}
