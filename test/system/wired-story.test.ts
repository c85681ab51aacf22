import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tellStory } from '../../scripts/story/story.ts'
import { openWiredStage } from '../../scripts/story/wired-stage.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

describe('the whole way, on the wire', () => {
  it('takes a fresh device from its provisioning key to a permanent secret, and back to it after a restart', async () => {
    const lines: string[] = []
    const { stage, close } = await openWiredStage(LAB_FOLDER)
    try {
      await tellStory(stage, { say: (line) => lines.push(line), walkMs: 40_000 })
    } finally {
      await close()
    }
    expect(lines.join('\n')).toMatch(/promoted[\s\S]*superseded[\s\S]*refused[\s\S]*came back[\s\S]*done: \d+ packets/)
  })

  it('fails at the first join when the cloud is stopped, since nobody else may say yes', async () => {
    const lines: string[] = []
    const { stage, cloud, close } = await openWiredStage(LAB_FOLDER)
    try {
      await cloud.stop()
      await expect(tellStory(stage, { say: (line) => lines.push(line), walkMs: 12_000 })).rejects.toThrow(
        /first join, with the temporary secret/,
      )
    } finally {
      await close()
    }
    expect(lines.join('\n')).not.toMatch(/joined/)
    expect(lines.join('\n')).toMatch(/ERR_WIFI_/)
  })
})
