/** The campaign: one undisturbed life, real cuts, and a replay of everything that was recorded on the way. */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { PermanentKind } from '../../../agent/credential/credential.ts'
import { createLottery, type Lottery } from '../../lottery.ts'
import { CutDevice } from './cut-device.ts'
import { Judge } from './judge.ts'
import { type CutStory, cutForReal, recordUndisturbed } from './lives.ts'
import { drawMoments } from './moments.ts'
import { type RecordedLife, type ReplayResult, replay } from './replay.ts'
import { openSite, type Site } from './site.ts'

/** How much of it. */
export type CampaignOptions = {
  readonly cuts: number
  /** Crash states to replay altogether, at least, as far as there are so many different ones. */
  readonly states: number
  readonly seed: number
  /** What the devices ask the cloud for. */
  readonly permanentCredential: PermanentKind
  readonly labFolder: string
  readonly say: (line: string) => void
  /** Ends the campaign early, after the device that is on its way. */
  readonly signal?: AbortSignal
}

/** What came of it. `controlFaults` is what the same replay finds on a disk that ignores flushes: it must find something there. */
export type CampaignResult = {
  readonly cuts: number
  readonly kindsAtCuts: ReadonlyMap<string, number>
  readonly states: number
  readonly repaired: number
  readonly kindsReplayed: ReadonlyMap<string, number>
  readonly controlStates: number
  readonly controlFaults: number
  readonly faults: readonly string[]
}

/** Of the states, those of the undisturbed life; the rest is shared by the lives around the cuts. */
const UNDISTURBED_SHARE = 0.3
/** The config disk is written once in a life. */
const CONFIG_SHARE = 0.15
const CONTROL_STATES = 100
/** Of one device, in one life after another. */
const MOST_CUTS = 3

/** Runs the campaign; it throws only where the lab itself fails. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const site = await openSite(options.labFolder, options.say)
  try {
    return await new Campaign(site, options).run()
  } finally {
    await site.close()
  }
}

class Campaign {
  readonly #site: Site
  readonly #options: CampaignOptions
  readonly #judge: Judge
  readonly #lottery: Lottery
  readonly #kindsAtCuts = new Map<string, number>()
  readonly #kindsReplayed = new Map<string, number>()
  readonly #faults: string[] = []
  #states = 0
  #repaired = 0

  constructor(site: Site, options: CampaignOptions) {
    this.#site = site
    this.#options = options
    this.#judge = new Judge(site.view)
    this.#lottery = createLottery(options.seed)
  }

  async run(): Promise<CampaignResult> {
    const { cuts, states, say, signal } = this.#options
    const { life, walkMs: firstWalkMs } = await this.#withDevice(0, recordUndisturbed)
    let walkMs = firstWalkMs
    say(`undisturbed: steady after ${(walkMs / 1000).toFixed(1)} s, and again after a restart`)
    await this.#replay(life, cuts === 0 ? states : Math.round(states * UNDISTURBED_SHARE))
    const control = await this.#replayOnce(life, CONTROL_STATES, 'ignores-flushes')
    say(`control: a disk that ignores flushes is found bad in ${badStates(control)} of ${control.states} states`)
    await discard(life)
    let moments = drawMoments(cuts, this.#lottery)
    for (let device = 1; moments.length > 0 && signal?.aborted !== true; device++) {
      const story = await this.#withDevice(device, (fresh) => {
        const most = moments.slice(0, 1 + Math.floor(this.#lottery() * MOST_CUTS))
        return cutForReal(fresh, { site: this.#site, judge: this.#judge, title: `device ${device}`, moments: most, walkMs })
      })
      walkMs = story.walkMs ?? walkMs
      moments = moments.slice(story.cuts.length)
      await this.#account(story, device, cuts - moments.length)
    }
    return {
      ...{
        cuts: cuts - moments.length,
        kindsAtCuts: this.#kindsAtCuts,
        states: this.#states,
        repaired: this.#repaired,
        kindsReplayed: this.#kindsReplayed,
      },
      ...{ controlStates: control.states, controlFaults: control.faults.length, faults: this.#faults },
    }
  }

  async #account({ cuts, lives, recovery, faults }: CutStory, device: number, cutsDone: number): Promise<void> {
    for (const { kind, story } of cuts) {
      this.#options.say(`device ${device}: ${story}`)
      add(this.#kindsAtCuts, kind, 1)
    }
    this.#options.say(`device ${device}: ${recovery} [${cutsDone} of ${this.#options.cuts} cuts]`)
    this.#fail(faults)
    // What is left of the states is shared by what is left of the lives: a short one has fewer than its share.
    const devicesLeft = ((this.#options.cuts - cutsDone) * 2) / (1 + MOST_CUTS)
    for (const [index, life] of lives.entries()) {
      const livesLeft = lives.length - index + devicesLeft + (this.#options.cuts - cutsDone)
      await this.#replay(life, Math.ceil(Math.max(0, this.#options.states - this.#states) / livesLeft))
      await discard(life)
    }
  }

  async #withDevice<T>(index: number, use: (device: CutDevice) => Promise<T>): Promise<T> {
    const device = await CutDevice.open(this.#site, String(index).padStart(6, '0'), this.#options.permanentCredential)
    try {
      return await use(device)
    } finally {
      await device.close()
    }
  }

  async #replay(life: RecordedLife, states: number): Promise<void> {
    const startedMs = performance.now()
    const result = await this.#replayOnce(life, states, 'honest')
    this.#states += result.states
    this.#repaired += result.repaired
    for (const [kind, count] of result.kinds) add(this.#kindsReplayed, kind, count)
    this.#fail(result.faults)
    const tookMs = Math.round((performance.now() - startedMs) / Math.max(1, result.states))
    this.#options.say(`  ${life.title}: ${result.states} states of ${result.requests} requests replayed, ${tookMs} ms each`)
  }

  #replayOnce(life: RecordedLife, states: number, disk: 'honest' | 'ignores-flushes'): Promise<ReplayResult> {
    const configStates = Math.round(states * CONFIG_SHARE)
    const { scratchFolder } = this.#site
    const lottery = this.#lottery
    return replay(life, { states: states - configStates, configStates, lottery, disk, scratchFolder, judge: this.#judge })
  }

  #fail(faults: readonly string[]): void {
    for (const fault of faults) this.#options.say(`  FAULT ${fault}`)
    this.#faults.push(...faults)
  }
}

function add(counts: Map<string, number>, kind: string, count: number): void {
  counts.set(kind, (counts.get(kind) ?? 0) + count)
}

/** A state may have several faults, each told in a line that begins with where it is. */
const badStates = ({ faults }: ReplayResult): number => new Set(faults.map((fault) => fault.slice(0, fault.indexOf(' kept: ')))).size

const discard = ({ recordings }: RecordedLife): Promise<void> => rm(dirname(recordings.state.baseFile), { recursive: true, force: true })

/** Whether everything held, and the control did not. */
export const isGood = ({ faults, controlFaults }: CampaignResult): boolean => faults.length === 0 && controlFaults > 0
