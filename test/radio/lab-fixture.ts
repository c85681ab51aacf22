import type { Lab } from '../../scripts/radio-lab/lab.ts'
import { type LabOptions, openLab } from '../../scripts/radio-lab/open-lab.ts'
import { type LabImage, prepareLab } from '../../scripts/radio-lab/prepare-lab.ts'

/** Builds the lab as far as it changed; the first time takes a minute, afterwards a second. */
export function preparedLab(): Promise<LabImage> {
  return prepareLab({ log: (line) => process.stderr.write(`${line}\n`) })
}

/** Restores the snapshot for one test, and ends it whatever happens. */
export async function withLab(
  options: Omit<LabOptions, 'powerOn' | 'config'> & Partial<LabOptions>,
  use: (lab: Lab) => Promise<void>,
): Promise<void> {
  const lab = await openLab({ powerOn: 'snapshot', config: [], ...options })
  try {
    await use(lab)
  } finally {
    await lab.close()
  }
}
