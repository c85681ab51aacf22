import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseLogLine } from '../../scripts/story/agent-log.ts'
import { openRadioStage } from '../../scripts/story/radio-stage.ts'
import { tellStory } from '../../scripts/story/story.ts'
import { firstWalk, Walk } from '../../scripts/story/walk.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const WALK_MS = 150_000

const quiet = (): void => {}

describe('the whole way, over the air', () => {
  it('takes a fresh device from its provisioning key to a permanent secret, and back to it after a reboot', {
    timeout: 400_000,
  }, async () => {
    const lines: string[] = []
    const { stage, close } = await openRadioStage(LAB_FOLDER, quiet)
    try {
      await tellStory(stage, { say: (line) => lines.push(line), walkMs: WALK_MS })
    } finally {
      await close()
    }
    expect(lines.join('\n')).toMatch(/promoted[\s\S]*refused[\s\S]*reboot[\s\S]*came back[\s\S]*done: \d+ packets/)
  })

  it('gets past a stronger evil twin, which costs it one attempt and learns nothing', { timeout: 200_000 }, async () => {
    const { stage, lab, close } = await openRadioStage(LAB_FOLDER, quiet)
    try {
      await lab.hotspot.startAccessPoint('evil-twin')
      await lab.hotspot.setSignal('evil-twin', -20)
      await lab.hotspot.setSignal('good', -70)
      const walk = new Walk(firstWalk('secret'), WALK_MS)
      const refused: unknown[] = []
      await stage.start((line) => {
        const event = parseLogLine(line)
        if (event === null) return
        if (event.event === 'failed' && event.fields.code === 'ERR_WIFI_SERVER_CA') refused.push(event.fields.detail)
        walk.see(event)
      })
      expect(await walk.result).toMatchObject({ ok: true })
      // A scan may miss the twin on a busy machine, never the other way round: it is tried once per credential at the most.
      expect(refused.length).toBeLessThanOrEqual(2)
      expect((await stage.deviceState()).current).not.toBeNull()
    } finally {
      await close()
    }
  })
})
