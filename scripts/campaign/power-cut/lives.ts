/** The two kinds of lives that the campaign tells: one that nobody disturbs, and one that ends in a power cut and begins again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { credentialLabel } from '../../../agent/credential/credential.ts'
import type { LogEvent } from '../../story/agent-log.ts'
import type { CutDevice } from './cut-device.ts'
import { describeFound } from './found-state.ts'
import type { Judge } from './judge.ts'
import { type CutMoment, describeMoment } from './moments.ts'
import type { RecordedLife } from './replay.ts'
import type { Site } from './site.ts'

/** An emulated CPU on a busy machine is slow; what takes longer has failed. */
const WALK_DEADLINE_MS = 180_000

/** From power-on to steady, and back to steady after a restart of the agent; then the disks are unmounted. */
export type UndisturbedLife = { readonly life: RecordedLife; readonly walkMs: number }

/** One real cut: what it left on the state disk, in a word, and its story. */
export type RealCut = { readonly kind: string; readonly story: string }

/** A device that was cut and came back: its lives, what is wrong with it, and what a whole way took where its lives tell. */
export type CutStory = {
  readonly cuts: readonly RealCut[]
  readonly lives: readonly RecordedLife[]
  readonly recovery: string
  readonly walkMs: number | null
  readonly faults: readonly string[]
}

const timesSteady = (events: readonly LogEvent[]): number => events.filter(({ from, to }) => from !== 'steady' && to === 'steady').length
const isSteady = (events: readonly LogEvent[]): boolean => timesSteady(events) > 0

/** Records a device that nobody disturbs. */
export async function recordUndisturbed(device: CutDevice): Promise<UndisturbedLife> {
  let walkMs = 0
  const life = await device.live('the undisturbed life', async ({ lab, until }) => {
    const startedMs = performance.now()
    await until(isSteady, WALK_DEADLINE_MS)
    walkMs = performance.now() - startedMs
    await lab.sh('systemctl restart --no-block zipkey-agent')
    await until((events) => timesSteady(events) > 1, WALK_DEADLINE_MS)
    await lab.sh('systemctl stop zipkey-agent && umount /var/lib/zipkey /etc/zipkey')
  })
  return { life, walkMs }
}

/** When to cut a device; `walkMs` is what the whole way took most lately. */
export type CutOrder = {
  readonly site: Site
  readonly judge: Judge
  readonly title: string
  readonly moments: readonly CutMoment[]
  readonly walkMs: number
}

/** Cuts a device's power in one life after another, until it was steady before it was cut; then lets it live until it is steady. */
export async function cutForReal(device: CutDevice, order: CutOrder): Promise<CutStory> {
  const lives: RecordedLife[] = []
  const cuts: RealCut[] = []
  const faults: string[] = []
  let walkMs: number | null = null
  let isThere = false
  for (const moment of order.moments) {
    if (isThere) break
    const { life, cut, cutMs, wasSteady, faults: wrong } = await cutOnce(device, order, moment, cuts.length + 1)
    if (wasSteady && cuts.length === 0) walkMs = cutMs
    isThere = wasSteady
    lives.push(life)
    cuts.push(cut)
    faults.push(...wrong)
  }
  const recovery = await recover(device, order)
  lives.push(...recovery.lives)
  faults.push(...recovery.faults)
  if (cuts.at(-1)?.kind === 'nothing') walkMs = recovery.tookMs
  return { cuts, lives, recovery: recovery.story, walkMs, faults: faults.map((fault) => `${order.title}: ${fault}`) }
}

type CutOnce = {
  readonly life: RecordedLife
  readonly cut: RealCut
  readonly cutMs: number
  readonly wasSteady: boolean
  readonly faults: readonly string[]
}

async function cutOnce(device: CutDevice, { site, judge, title, walkMs }: CutOrder, moment: CutMoment, number: number): Promise<CutOnce> {
  let cutMs = 0
  let seen: readonly LogEvent[] = []
  const life = await device.live(`${title}, life ${number}`, async ({ events, until }) => {
    const startedMs = performance.now()
    await waitForMoment(moment, walkMs, until)
    cutMs = performance.now() - startedMs
    seen = [...events]
  })
  const found = await device.found()
  const state = await stateAt(site, device)
  const faults = [...(await judge.ofFiles(found, device.owner)), ...(await judge.lockedOut(found, device.owner, state))]
  const kind = describeFound(found)
  const held = found.stored.current ?? found.stored.pending
  const credential = held === null ? '' : ` (${credentialLabel(held)})`
  const line = seen.at(-1)
  const story = `life ${number} cut after ${seconds(cutMs)}, ${describeMoment(moment)}; log: ${line === undefined ? 'nothing' : `${line.event}, then ${line.to}`}; found: ${kind}${credential}`
  return { life, cut: { kind, story }, cutMs, wasSteady: isSteady(seen), faults }
}

type Recovery = {
  readonly lives: readonly RecordedLife[]
  readonly tookMs: number | null
  readonly story: string
  readonly faults: readonly string[]
}

/** The last life: it must be steady in the end. */
async function recover(device: CutDevice, { site, judge, title }: CutOrder): Promise<Recovery> {
  let tookMs = 0
  try {
    const life = await device.live(`${title}, last life`, async ({ until }) => {
      const startedMs = performance.now()
      await until(isSteady, WALK_DEADLINE_MS)
      tookMs = performance.now() - startedMs
    })
    const { label, faults } = await settled(device, site, judge)
    return { lives: [life], tookMs, story: `steady after ${seconds(tookMs)} with ${label}`, faults }
  } catch (error) {
    return { lives: [], tookMs: null, story: 'it did not come back', faults: [`it did not come back: ${String(error)}`] }
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const stateAt = (site: Site, { owner }: CutDevice) => site.view.stateOf(owner.name)

/** Waits for the moment; a device that is steady before is not waited for any longer. */
async function waitForMoment(
  moment: CutMoment,
  walkMs: number,
  until: (reached: (events: readonly LogEvent[]) => boolean, deadlineMs: number) => Promise<void>,
): Promise<void> {
  switch (moment.kind) {
    case 'time': {
      const endMs = performance.now() + moment.share * walkMs
      return until((events) => performance.now() >= endMs || isSteady(events), WALK_DEADLINE_MS)
    }
    case 'line':
      await until((events) => events.length >= moment.line || isSteady(events), WALK_DEADLINE_MS)
      await sleep(moment.delayMs)
  }
}

/** Once a device was steady its disk, with the power off, holds one promoted credential that the cloud accepts; `faults` says what else. */
async function settled(
  device: CutDevice,
  site: Site,
  judge: Judge,
): Promise<{ readonly label: string; readonly faults: readonly string[] }> {
  const found = await device.found()
  const state = await stateAt(site, device)
  const faults = [...(await judge.ofFiles(found, device.owner))]
  const { current, pending } = found.stored
  const refusal = current === null ? 'it is empty' : await site.view.refusalOf(current, device.owner.name, state)
  if (refusal !== null) faults.push(`steady, but the current slot is no good: ${refusal}`)
  if (pending !== null) faults.push('steady, but the pending slot is not empty')
  const issued = state?.issued.length ?? 0
  if (issued !== 1) faults.push(`steady, but the cloud issued ${issued} credentials for one swap`)
  return { label: current === null ? 'nothing' : credentialLabel(current), faults }
}
