/** A device of the radio lab, fresh from the factory, whose power is cut and which lives again from the same disks. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceName } from '../../../agent/contract/names.ts'
import type { PermanentKind } from '../../../agent/credential/credential.ts'
import { loadConfig } from '../../../config/load.ts'
import type { Lab } from '../../radio-lab/lab.ts'
import { openLab } from '../../radio-lab/open-lab.ts'
import { runProgram } from '../../run-program.ts'
import { type LogEvent, parseLogLine } from '../../story/agent-log.ts'
import { flash } from '../../story/flash.ts'
import { DEVICE } from '../../story/names.ts'
import { GARDEN_PORT, RADIO_HOTSPOT } from '../../story/radio-stage.ts'
import { type FoundState, readState } from './found-state.ts'
import type { Owner } from './judge.ts'
import { LifeWatch } from './life-watch.ts'
import { whileMounted } from './mounted.ts'
import type { RecordedLife } from './replay.ts'
import type { Site } from './site.ts'

/** Longer than a request that was under way at the cut can stay so: the cloud is on the same machine. */
const AFTERMATH_MS = 300

/** What one life shows while it lasts. */
export type LivingDevice = {
  readonly lab: Lab
  readonly events: readonly LogEvent[]
  /** Waits until the events say so; throws when they do not in time, or when the agent halts. */
  readonly until: (reached: (events: readonly LogEvent[]) => boolean, deadlineMs: number) => Promise<void>
}

/** One device. */
export class CutDevice {
  readonly owner: Owner
  readonly #site: Site
  readonly #lab: Lab
  #watch: LifeWatch | null = null
  #isOn = true

  private constructor(site: Site, lab: Lab, owner: Owner) {
    this.#site = site
    this.#lab = lab
    this.owner = owner
    lab.followJournal('zipkey-agent.service', (line) => {
      const event = parseLogLine(line)
      if (event !== null) this.#watch?.see(event)
    })
  }

  /** Flashes a device with an id of its own and switches it on; its agent has not begun. */
  static async open(site: Site, serial: string, permanentCredential: PermanentKind): Promise<CutDevice> {
    const name: DeviceName = { account: DEVICE.account, device: `SN-${serial}` }
    const folder = join(site.folder, name.device)
    const recordDisks = join(folder, 'recordings')
    await mkdir(recordDisks, { recursive: true })
    const configFile = await flash({
      ...{ folder, device: name, cloud: site.cloud, cloudPort: GARDEN_PORT, aaaCaFile: site.image.pki.aaaCaFile },
      permanentCredential,
      hotspot: RADIO_HOTSPOT,
      wifi: { interface: 'auto', address: 'system' },
    })
    const config = [{ path: 'ca.json', content: await readFile(configFile), mode: 0o640 }]
    const lab = await openLab({ image: site.image, powerOn: 'snapshot', config, cloudPort: site.cloud.port, recordDisks })
    return new CutDevice(site, lab, { name, flashed: flashedIn(configFile) })
  }

  /** Lives from power-on until `course` ends; then the power is cut, whatever the device is doing. */
  async live(title: string, course: (device: LivingDevice) => Promise<void>): Promise<RecordedLife> {
    if (!this.#isOn) await this.#lab.powerOn('snapshot')
    this.#isOn = true
    const { recordings } = this.#lab
    const watch = new LifeWatch(this.#site.view, this.owner.name, recordings.state.logFile)
    await watch.begin()
    this.#watch = watch
    try {
      await this.#lab.startAgent()
      await course({ lab: this.#lab, events: watch.events, until: (reached, deadlineMs) => untilSeen(watch.events, reached, deadlineMs) })
    } finally {
      await this.#lab.cutPower()
      this.#isOn = false
      await sleep(AFTERMATH_MS)
      this.#watch = null
    }
    return { title, owner: this.owner, recordings, timeline: await watch.end() }
  }

  /** What is on the state disk now that the power is off. */
  async found(): Promise<FoundState> {
    const { scratchFolder } = this.#site
    const copy = { file: join(scratchFolder, 'found'), mountPoint: join(scratchFolder, 'mount-found') }
    await runProgram('cp', ['--sparse=always', this.#lab.stateDiskFile, copy.file])
    const found: FoundState[] = []
    try {
      await whileMounted([copy], scratchFolder, async ([outcome]) => {
        if (outcome !== 'clean') throw new Error(`after a real power cut the state disk is ${outcome}`)
        found.push(await readState(copy.mountPoint, this.owner.name))
      })
    } finally {
      await rm(copy.file, { force: true })
    }
    const [state] = found
    if (state === undefined) throw new Error('nothing was looked at')
    return state
  }

  /** Takes the device away. */
  close(): Promise<void> {
    return this.#lab.close()
  }
}

function flashedIn(configFile: string): Owner['flashed'] {
  const loaded = loadConfig({ environment: {}, configFile })
  if (!loaded.ok) throw new Error(loaded.problems.join('; '))
  const flashed = loaded.config.credentials.find((credential) => credential.kind === 'temporary-secret')
  if (flashed === undefined) throw new Error('the factory gave the device no temporary secret')
  return flashed
}

async function untilSeen(
  events: readonly LogEvent[],
  reached: (events: readonly LogEvent[]) => boolean,
  deadlineMs: number,
): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!reached(events)) {
    const halted = events.find(({ to }) => to === 'halted')
    if (halted !== undefined) throw new Error(`the agent halted: ${halted.text}`)
    if (performance.now() > endMs) {
      const last = events.slice(-3).map(({ text }) => text)
      throw new Error(`not within ${deadlineMs / 1000} s; the agent said at last: ${last.join(' / ') || 'nothing'}`)
    }
    await sleep(10)
  }
}
