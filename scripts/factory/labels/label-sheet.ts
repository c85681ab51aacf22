/** Labels as a PDF: on sheets, or a page each. QR codes are vectors, so that they are sharp on any printer. */
import PDFDocument from 'pdfkit'
import { type DeviceValues, fillIn } from '../certificate/variable-text.ts'
import { type LabelTemplate, PADDING_MM } from './label-template.ts'
import { darkRuns, matrixOf, QUIET_MODULES } from './qr-matrix.ts'

const POINTS_PER_MM = 72 / 25.4
const A4_MM = { width: 210, height: 297 }
const SHEET_MARGIN_MM = 8
const LARGEST_TEXT = 11
const SMALLEST_TEXT = 4
const LINE_HEIGHT = 1.25

/** Makes the PDF of these devices' labels. */
export async function labelSheet(template: LabelTemplate, devices: readonly DeviceValues[]): Promise<Uint8Array> {
  const [width, height] = pageSize(template)
  const document = new PDFDocument({ size: [width, height], margin: 0, autoFirstPage: false, info: { Title: 'Labels' } })
  const parts: Buffer[] = []
  document.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise<void>((resolve, reject) => document.on('end', resolve).on('error', reject))
  document.font(template.fontFile ?? 'Helvetica')
  for (const [index, device] of devices.entries()) {
    const { page, xMm, yMm } = placeOfLabel(template, index)
    if (index === 0 || placeOfLabel(template, index - 1).page !== page) document.addPage()
    drawLabel(document, template, device, { x: xMm * POINTS_PER_MM, y: yMm * POINTS_PER_MM })
  }
  document.end()
  await ended
  return Buffer.concat(parts)
}

/** Where a label is on its sheet, in millimetres, and on which. */
export type LabelPlace = { readonly page: number; readonly xMm: number; readonly yMm: number }

/** What the places of labels depend on. */
export type SheetForm = Pick<LabelTemplate, 'page' | 'widthMm' | 'heightMm'>

/** Where the label of this number is, counted from 0; pages from 0 too. */
export function placeOfLabel({ page, widthMm, heightMm }: SheetForm, number: number): LabelPlace {
  if (page === 'label') return { page: number, xMm: 0, yMm: 0 }
  const columns = Math.max(1, Math.floor((A4_MM.width - 2 * SHEET_MARGIN_MM) / widthMm))
  const rows = Math.max(1, Math.floor((A4_MM.height - 2 * SHEET_MARGIN_MM) / heightMm))
  const onPage = number % (columns * rows)
  return {
    page: Math.floor(number / (columns * rows)),
    xMm: SHEET_MARGIN_MM + (onPage % columns) * widthMm,
    yMm: SHEET_MARGIN_MM + Math.floor(onPage / columns) * heightMm,
  }
}

type Point = { readonly x: number; readonly y: number }
type Document = InstanceType<typeof PDFDocument>

const pageSize = ({ page, widthMm, heightMm }: LabelTemplate): readonly [number, number] =>
  page === 'A4' ? [A4_MM.width * POINTS_PER_MM, A4_MM.height * POINTS_PER_MM] : [widthMm * POINTS_PER_MM, heightMm * POINTS_PER_MM]

function drawLabel(document: Document, template: LabelTemplate, device: DeviceValues, { x, y }: Point): void {
  const padding = PADDING_MM * POINTS_PER_MM
  const side = Math.min(template.heightMm, template.widthMm) * POINTS_PER_MM - 2 * padding
  const matrix = matrixOf(fillIn(template.qr, device))
  if (matrix === null) throw new RangeError('a QR code was checked to fit')
  const module = side / (matrix.size + 2 * QUIET_MODULES)
  const corner = { x: x + padding + QUIET_MODULES * module, y: y + padding + QUIET_MODULES * module }
  for (const { row, from, to } of darkRuns(matrix))
    document.rect(corner.x + from * module, corner.y + row * module, (to - from) * module, module)
  document.fill('black')
  const left = x + padding + side
  const room = template.widthMm * POINTS_PER_MM - padding - (left - x)
  const lines = template.lines.map((line) => fillIn(line, device))
  drawLines(document, lines, { x: left, y: y + padding }, { width: room, height: side })
}

/** All lines in the largest size in which they fit. */
function drawLines(
  document: Document,
  lines: readonly string[],
  place: Point,
  room: { readonly width: number; readonly height: number },
): void {
  document.fontSize(LARGEST_TEXT)
  const widest = Math.max(...lines.map((line) => document.widthOfString(line)))
  const fitting = Math.min(LARGEST_TEXT, (LARGEST_TEXT * room.width) / widest, room.height / (lines.length * LINE_HEIGHT))
  const size = Math.max(SMALLEST_TEXT, fitting)
  document.fontSize(size)
  for (const [index, line] of lines.entries())
    document.text(line, place.x, place.y + (index + 0.5) * size * LINE_HEIGHT, { lineBreak: false })
}
