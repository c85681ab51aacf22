/** The two kinds of lives that the campaign tells: one that nobody disturbs, and one that ends in a power cut and begins again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEvent } from '../../story/agent-log.ts'
import { FIRST_WALK } from '../../story/walk.ts'
import type { CutDevice } from './cut-device.ts'
import { describeFound, type FoundState } from './found-state.ts'
import type { Judge } from './judge.ts'
import { type CutMoment, describeMoment } from './moments.ts'
import type { RecordedLife } from './replay.ts'
import type { Site } from './site.ts'

/** An emulated CPU on a busy machine is slow; what takes longer has failed. */
const WALK_DEADLINE_MS = 180_000

/** From power-on to steady, and back to steady after a restart of the agent; then the disks are unmounted. */
export type UndisturbedLife = { readonly life: RecordedLife; readonly walkMs: number }

/** One real cut: where it fell, what it left, and what became of the device. */
export type RealCut = {
  readonly lives: readonly RecordedLife[]
  readonly kind: string
  /** What the whole way took, where this cut's lives tell it. */
  readonly walkMs: number | null
  readonly faults: readonly string[]
  readonly story: string
}

const timesSteady = (events: readonly LogEvent[]): number => events.filter(({ from, to }) => from !== 'steady' && to === 'steady').length
const isSteady = (events: readonly LogEvent[]): boolean => timesSteady(events) > 0

/** How many of the walk's expected lines were seen, in their order. */
export function linesSeen(events: readonly LogEvent[]): number {
  let seen = 0
  for (const { event } of events) if (event === FIRST_WALK[seen]?.event) seen += 1
  return seen
}

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

/** Which cut; `walkMs` is what the whole way took most lately. */
export type CutOrder = {
  readonly site: Site
  readonly judge: Judge
  readonly title: string
  readonly moment: CutMoment
  readonly walkMs: number
}

/** Cuts a device's power at a moment, looks at what is left, and lets it live again until it is steady. */
export async function cutForReal(device: CutDevice, { site, judge, title, moment, walkMs }: CutOrder): Promise<RealCut> {
  let lines = 0
  let cutMs = 0
  const first = await device.live(`${title}, first life`, async ({ events, until }) => {
    const startedMs = performance.now()
    await waitForMoment(moment, walkMs, until)
    cutMs = performance.now() - startedMs
    lines = linesSeen(events)
  })
  const found = await device.found()
  const faults = [
    ...(await judge.ofFiles(found, device.owner)),
    ...(await judge.lockedOut(found, device.owner, await stateAt(site, device))),
  ]
  const lives = [first]
  let recoveryMs = Number.NaN
  try {
    lives.push(
      await device.live(`${title}, second life`, async ({ until }) => {
        const startedMs = performance.now()
        await until(isSteady, WALK_DEADLINE_MS)
        recoveryMs = performance.now() - startedMs
      }),
    )
    faults.push(...(await notSettled(device, site, judge)))
  } catch (error) {
    faults.push(`it did not come back: ${String(error)}`)
  }
  const kind = describeFound(found)
  const walked = lines === FIRST_WALK.length ? cutMs : kind === 'nothing' && Number.isFinite(recoveryMs) ? recoveryMs : null
  const story = tellCut({ moment, cutMs, lines, found, recoveryMs })
  return { lives, kind, walkMs: walked, faults: faults.map((fault) => `${title}: ${fault}`), story }
}

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
      await until((events) => linesSeen(events) > moment.line || isSteady(events), WALK_DEADLINE_MS)
      await sleep(moment.delayMs)
  }
}

/** What is not as it must be once a device was steady: its disk, with the power off, holds one promoted secret that the cloud accepts. */
async function notSettled(device: CutDevice, site: Site, judge: Judge): Promise<readonly string[]> {
  const found = await device.found()
  const state = await stateAt(site, device)
  const faults = [...(await judge.ofFiles(found, device.owner))]
  const { current, pending } = found.stored
  const refusal = current === null ? 'it is empty' : await site.view.refusalOf(current, device.owner.name, state)
  if (refusal !== null) faults.push(`steady, but the current slot is no good: ${refusal}`)
  if (pending !== null) faults.push('steady, but the pending slot is not empty')
  const issued = state?.issued.length ?? 0
  if (issued !== 1) faults.push(`steady, but the cloud issued ${issued} secrets for one swap`)
  return faults
}

type CutFacts = {
  readonly moment: CutMoment
  readonly cutMs: number
  readonly lines: number
  readonly found: FoundState
  readonly recoveryMs: number
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function tellCut({ moment, cutMs, lines, found, recoveryMs }: CutFacts): string {
  const last = FIRST_WALK[lines - 1]?.name ?? 'nothing'
  const held = found.stored.current ?? found.stored.pending
  const credential = held === null ? '' : ` (s.${held.id.secretId})`
  const outcome = Number.isNaN(recoveryMs) ? 'DID NOT COME BACK' : `steady after ${seconds(recoveryMs)}`
  return `after ${seconds(cutMs)} (${describeMoment(moment)}), log at "${last}"; found ${describeFound(found)}${credential}; ${outcome}`
}
