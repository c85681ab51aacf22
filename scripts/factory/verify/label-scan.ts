/** Reads the QR code of a label, from a photo or from the batch's PDF, by ZXing and poppler. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LabelFacts } from '../batch/run-log.ts'
import { LABELS_IN_FILE } from '../batch/write-labels.ts'
import { placeOfLabel } from '../labels/label-sheet.ts'
import { runTool } from '../target/run-tool.ts'

const DPI = 200
const DOTS_PER_MM = DPI / 25.4

/** The texts of the codes on a picture (PNG, JPEG); null where the file is no picture. */
export async function scanPicture(file: string): Promise<readonly string[] | null> {
  const { exitCode, stdout } = await runTool('ZXingReader', ['-format', 'QRCode', file], 'zxing-cpp-tools')
  if (exitCode !== 0) return null
  const bytes = [
    ...Buffer.from(stdout)
      .toString('utf8')
      .matchAll(/^Bytes: +([0-9A-F ]+)$/gm),
  ]
  return bytes.map(([, hex = '']) => Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('utf8'))
}

/** The texts of the codes where the label of this number of the batch is, in the PDF that it is in; null where the file is no PDF. */
export async function scanLabel(pdf: string, labels: LabelFacts, number: number): Promise<readonly string[] | null> {
  const { page, xMm, yMm } = placeOfLabel(labels, number % LABELS_IN_FILE)
  const area = { '-x': xMm, '-y': yMm, '-W': labels.widthMm, '-H': labels.heightMm }
  const crop = Object.entries(area).flatMap(([flag, mm]) => [flag, String(Math.round(mm * DOTS_PER_MM))])
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-label-'))
  try {
    const picture = join(folder, 'label')
    const pages = ['-f', String(page + 1), '-l', String(page + 1), '-singlefile']
    const rendered = await runTool('pdftoppm', ['-r', String(DPI), ...pages, ...crop, '-png', pdf, picture], 'poppler-utils')
    return rendered.exitCode === 0 ? await scanPicture(`${picture}.png`) : null
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Whether a code's text is the one of this device; variables other than id, account and batch may be anything. */
export function isCodeOf(text: string, { qr }: LabelFacts, values: Readonly<Record<string, string>>): boolean {
  const pattern = qr.map((piece, index) => {
    if (index % 2 === 0) return escaped(piece)
    const value = values[piece]
    return value === undefined ? '.*' : escaped(value)
  })
  return new RegExp(`^${pattern.join('')}$`, 's').test(text)
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
