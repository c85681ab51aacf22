/** The labels of a batch: files of a thousand each, PDF and ZPL, whole under their names or not there. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DeviceValues } from '../certificate/variable-text.ts'
import { writeDurably } from '../durable.ts'
import type { LabelTemplate } from '../labels/label-template.ts'
import { InterruptedError } from '../outcome.ts'
import type { Watch } from '../progress.ts'

/** How many labels are in a file. */
export const LABELS_IN_FILE = 1000
const FOLDER = 'labels'

/** The names of the files for so many devices. */
export const labelFiles = (devices: number): readonly string[] =>
  Array.from({ length: Math.ceil(devices / LABELS_IN_FILE) }, (_, index) => [`${nameOf(index)}.pdf`, `${nameOf(index)}.zpl`]).flat()

const nameOf = (index: number): string => `${FOLDER}/labels-${String(index + 1).padStart(4, '0')}`

/** Writes those that are missing. */
export async function writeLabels(
  folder: string,
  template: LabelTemplate,
  total: number,
  devices: AsyncIterable<readonly DeviceValues[]>,
  { startProgress, signal }: Watch,
): Promise<void> {
  const { labelSheet } = await import('../labels/label-sheet.ts')
  const { zplLabels } = await import('../labels/zpl.ts')
  mkdirSync(join(folder, FOLDER), { recursive: true, mode: 0o700 })
  const progress = startProgress('labels', total, 0)
  let file = 0
  try {
    for await (const group of devices) {
      if (signal.aborted) throw new InterruptedError()
      const name = join(folder, nameOf(file))
      if (!existsSync(`${name}.pdf`)) writeDurably(`${name}.pdf`, await labelSheet(template, group))
      if (!existsSync(`${name}.zpl`)) writeDurably(`${name}.zpl`, Buffer.from(zplLabels(template, group), 'utf8'))
      progress.at(file * LABELS_IN_FILE + group.length)
      file += 1
    }
  } finally {
    progress.end()
  }
}
