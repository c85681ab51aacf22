import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseLogLine } from '../../scripts/story/agent-log.ts'
import { DEVICE } from '../../scripts/story/names.ts'
import { tellStory } from '../../scripts/story/story.ts'
import { firstWalk, rotationWalk, Walk } from '../../scripts/story/walk.ts'
import { openWiredStage } from '../../scripts/story/wired-stage.ts'

const KINDS = ['secret', 'certificate'] as const
const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

describe('the whole way, on the wire', () => {
  it.each(KINDS)('takes a fresh device from its provisioning key to a permanent %s, and back to it after a restart', async (kind) => {
    const lines: string[] = []
    const { stage, close } = await openWiredStage(LAB_FOLDER, { permanentCredential: kind })
    try {
      await tellStory(stage, { say: (line) => lines.push(line), walkMs: 40_000 })
    } finally {
      await close()
    }
    expect(lines.join('\n')).toMatch(/promoted[\s\S]*superseded[\s\S]*refused[\s\S]*came back[\s\S]*done: \d+ packets/)
  })

  it.each(KINDS)('rotates the permanent %s when the operator orders it', async (kind) => {
    const { stage, cloud, close } = await openWiredStage(LAB_FOLDER, { timers: { actionsFastMs: 300 }, permanentCredential: kind })
    try {
      const walks = [new Walk(firstWalk(kind), 30_000), new Walk(rotationWalk(kind), 30_000)] as const
      await stage.start((line) => {
        const event = parseLogLine(line)
        if (event !== null) for (const walk of walks) walk.see(event)
      })
      expect(await walks[0].result).toMatchObject({ ok: true })
      const first = await stage.deviceState()
      await cloud.operate('device', 'rotate', DEVICE.account, DEVICE.device)
      expect(await walks[1].result).toMatchObject({ ok: true })
      const second = await stage.deviceState()
      expect(second.current).not.toBe(first.current)
      expect(second.pendingEmpty).toBe(true)
      const superseded = (await stage.audit()).find(({ event }) => event === 'current-superseded')
      expect(superseded?.credential).toBe(first.current)
    } finally {
      await close()
    }
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
