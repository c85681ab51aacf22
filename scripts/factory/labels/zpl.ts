/** Labels in ZPL II, the language of label printers. */
import { type DeviceValues, fillIn } from '../certificate/variable-text.ts'
import { type LabelTemplate, PADDING_MM } from './label-template.ts'
import { matrixOf, QUIET_MODULES } from './qr-matrix.ts'

const LARGEST_MODULE_DOTS = 10
const LARGEST_TEXT_MM = 4
/** The width of a character of font 0, as a part of its height, with some to spare. */
const CHARACTER_WIDTH = 0.6

/** The labels of these devices, one format each. */
export const zplLabels = (template: LabelTemplate, devices: readonly DeviceValues[]): string =>
  devices.map((device) => zplLabel(template, device)).join('')

function zplLabel(template: LabelTemplate, device: DeviceValues): string {
  const { dotsPerMm, widthMm, heightMm } = template
  const padding = PADDING_MM * dotsPerMm
  const side = Math.min(widthMm, heightMm) * dotsPerMm - 2 * padding
  const code = fillIn(template.qr, device)
  const modules = (matrixOf(code)?.size ?? 0) + 2 * QUIET_MODULES
  const module = Math.max(1, Math.min(LARGEST_MODULE_DOTS, Math.floor(side / modules)))
  const corner = padding + QUIET_MODULES * module
  const lines = template.lines.map((line) => fillIn(line, device))
  const left = padding + modules * module
  const size = textDots(lines, widthMm * dotsPerMm - padding - left, side, dotsPerMm)
  const texts = lines.map(
    (line, index) => `^FO${left},${padding + Math.round(index * size * 1.25)}^A0N,${size},${size}^FH^FD${escaped(line)}^FS`,
  )
  const page = `^XA^CI28^PW${widthMm * dotsPerMm}^LL${heightMm * dotsPerMm}`
  return `${page}^FO${corner},${corner}^BQN,2,${module}^FH^FDMA,${escaped(code)}^FS${texts.join('')}^XZ\n`
}

function textDots(lines: readonly string[], width: number, height: number, dotsPerMm: number): number {
  const longest = Math.max(...lines.map((line) => line.length), 1)
  return Math.max(1, Math.floor(Math.min(LARGEST_TEXT_MM * dotsPerMm, width / (longest * CHARACTER_WIDTH), height / (lines.length * 1.25))))
}

/** What has a meaning in ZPL, in hex, as ^FH reads it. */
const escaped = (text: string): string => text.replace(/[\^~_\\]/g, (character) => `_${character.charCodeAt(0).toString(16).toUpperCase()}`)
