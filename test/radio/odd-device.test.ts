import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { encodeTimeFloor } from '../../agent/store/records.ts'
import { parseLogLine } from '../../scripts/story/agent-log.ts'
import { DEVICE } from '../../scripts/story/names.ts'
import { openRadioStage } from '../../scripts/story/radio-stage.ts'
import { preparedLab } from './lab-fixture.ts'

const DAY_MS = 86_400_000
const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

beforeAll(async () => void (await preparedLab()))

test('a device with a wrong clock and a provisioning key comes out with the right time, a secret of its own, and without the key', async () => {
  const { lab, stage, close } = await openRadioStage(LAB_FOLDER, (line) => process.stderr.write(`${line}\n`))
  try {
    const lines: string[] = []
    // Behind the floor, so that it is doubted; ahead of the cloud, so that the hotspot's AAA, which shares it, still trusts the cloud.
    const floor = encodeTimeFloor(DEVICE, Date.now() + 2 * DAY_MS)
    await lab.sh('systemctl start zipkey-disks.target; date -s "+1 day"')
    await lab.sh(`cat > /var/lib/zipkey/time-floor <<< '${floor.trim()}'; chown zipkey: /var/lib/zipkey/time-floor`)
    await stage.start(async (line) => void lines.push(line))
    const events = (): readonly string[] => lines.flatMap((line) => parseLogLine(line)?.event ?? [])
    await expect.poll(events, { timeout: 150_000 }).toContain('promoted')
    expect(events().slice(0, events().indexOf('authenticated'))).toContain('time-known')
    expect(Math.abs(Number(await lab.sh('date +%s')) - Date.now() / 1000)).toBeLessThan(5)

    const files = (): Promise<string> => lab.sh('grep -rlE "zkp_" /etc/zipkey /var/lib/zipkey || true')
    await expect.poll(files, { timeout: 10_000 }).toBe('')
    expect(await lab.sh('grep -c zks_ /etc/zipkey/ca.json; stat -c "%a %U %G" /etc/zipkey /etc/zipkey/ca.json')).toBe(
      '1\n1770 root zipkey\n640 zipkey zipkey',
    )
    // The journal's lines come after what they tell of.
    await expect
      .poll(() => lines.filter((line) => line.includes('the provisioning key')), { timeout: 10_000 })
      .toEqual([expect.stringContaining('was replaced')])
  } finally {
    await close()
  }
}, 240_000)
