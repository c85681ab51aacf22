import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isClean, searchOneLife } from '../../scripts/campaign/secrecy/campaign.ts'
import { reportOf } from '../../scripts/campaign/secrecy/report.ts'
import { preparedLab } from './lab-fixture.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

test('no secret gets out on any channel through a whole life, and every decoy planted there is found', async () => {
  await mkdir(LAB_FOLDER, { recursive: true })
  const image = await preparedLab()
  const verdict = await searchOneLife({ image, parentFolder: LAB_FOLDER, say: (line) => process.stderr.write(`${line}\n`) })
  expect(isClean(verdict), reportOf(verdict).join('\n')).toBe(true)
}, 600_000)
