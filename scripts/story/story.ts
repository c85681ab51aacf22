/**
 * The product's main job, told and judged: a device nobody has touched joins the hotspot, proves who it is, comes out with a
 * permanent secret or certificate of its own, and after a reboot comes back with it. The same story runs over the air and on the wire; it is
 * true only if the device's state and the cloud's audit log agree.
 */
import type { PermanentKind } from '../../agent/credential/credential.ts'
import { type LogEvent, parseLogLine } from './agent-log.ts'
import { createTeller, type Say, tellEvent } from './tell.ts'
import { type ExpectedStep, firstWalk, Walk, walkAfterReboot } from './walk.ts'

/** What the credential in the device's current slot is called, whether its pending slot is empty, and whether the provisioning key is still on it. */
export type DeviceState = {
  readonly current: string | null
  readonly pendingEmpty: boolean
  readonly holdsProvisioningKey: boolean
}

/** What the story needs of a lab: a device to follow, and the other side to ask. */
export type Stage = {
  /** What the device's config asks for. */
  readonly permanentCredential: PermanentKind
  /** How the story calls restarting the device: `reboot` or `restart of the agent`. */
  readonly restartName: string
  /** Starts the agent for the first time; every line of its log, now and after a restart, goes to `onLine`. */
  readonly start: (onLine: (line: string) => void) => Promise<void>
  readonly restart: () => Promise<void>
  readonly deviceState: () => Promise<DeviceState>
  /** The names of the device's events in the cloud's audit log with the credential each was about, oldest first. */
  readonly audit: () => Promise<readonly AuditLine[]>
  /** Shows the temporary secret to the hotspot, by EAP, from somewhere else. */
  readonly temporaryAtHotspot: () => Promise<'accepted' | 'refused'>
  /** Shows the temporary secret to the Cloud API; the problem type it answers with, or `accepted`. */
  readonly temporaryAtCloud: () => Promise<string>
  /** Packets between the device and the Cloud API seen on its radio or port. */
  readonly packetsToCloud: () => Promise<number>
}

/** A line of the cloud's audit log, as far as the story reads it. */
export type AuditLine = { readonly event: string; readonly credential: string | null }

/** A step of the story that did not come true. */
export class StoryError extends Error {}

const must = (holds: boolean, problem: string): void => {
  if (!holds) throw new StoryError(problem)
}

/** Tells the story on `say`; throws a StoryError naming the step that failed. */
export async function tellStory(stage: Stage, options: { readonly say: Say; readonly walkMs: number }): Promise<void> {
  const { permanentCredential: kind } = stage
  const teller = createTeller(options.say)
  let walk: Walk | null = null
  let chosen = false
  const onLine = (line: string): void => {
    const event = parseLogLine(line)
    if (event === null) return
    if (chosen || event.event !== 'waited') teller.line('device', tellEvent(event), event.durationMs)
    chosen = true
    walk?.see(event)
  }
  const follow = async (steps: readonly ExpectedStep[], begin: () => Promise<void>): Promise<readonly LogEvent[]> => {
    walk = new Walk(steps, options.walkMs)
    await begin()
    const result = await walk.result
    if (!result.ok) throw new StoryError(result.problem)
    return result.events
  }

  teller.line('story', 'the device is switched on for the first time: it knows its id and a provisioning key, nothing else')
  const startedMs = teller.elapsedMs()
  await follow(firstWalk(kind), () => stage.start(onLine))
  teller.line('story', `the device has a permanent ${kind} of its own`, teller.elapsedMs() - startedMs)
  const label = await agreeOnCredential(stage)
  teller.line('both', `device and cloud agree: ${label} is current, the temporary secret is superseded`)
  await expectTemporaryRefused(stage, teller.line)
  const restartedMs = teller.elapsedMs()
  teller.line('story', `${stage.restartName}`)
  await follow(walkAfterReboot(kind), stage.restart)
  must((await agreeOnCredential(stage)) === label, `after the ${stage.restartName} the device holds another ${kind}`)
  teller.line('both', `the device came back with ${label}`, teller.elapsedMs() - restartedMs)
  must(!(await stage.deviceState()).holdsProvisioningKey, 'the provisioning key is still on the device')
  teller.line('device', 'the provisioning key that many devices share is gone from this one')
  const packets = await stage.packetsToCloud()
  must(packets > 0, 'no packet between the device and the Cloud API was seen on its own interface')
  teller.line('story', `done: ${packets} packets to and from the Cloud API, all of them over the device's own interface`)
}

/** The credential that both sides hold for current, or a StoryError. */
async function agreeOnCredential(stage: Stage): Promise<string> {
  const { current, pendingEmpty } = await stage.deviceState()
  must(pendingEmpty, "the device's pending slot is not empty")
  const audit = await stage.audit()
  for (const event of ['enrolled', `${stage.permanentCredential}-issued`, 'became-current', 'temporary-superseded'])
    must(
      audit.some((line) => line.event === event),
      `the cloud's audit log has no ${event}`,
    )
  const promotion = audit.findLast(({ event }) => event === 'became-current')
  if (current === null) throw new StoryError("the device's current slot is empty")
  must(promotion?.credential === current, "the credential in the device's current slot is not the one that the cloud holds for current")
  return current
}

async function expectTemporaryRefused(stage: Stage, line: (who: string, text: string, tookMs?: number) => void): Promise<void> {
  const startedMs = performance.now()
  must((await stage.temporaryAtHotspot()) === 'refused', 'the hotspot still accepts the temporary secret')
  line('hotspot', 'the temporary secret, shown again by somebody else, is refused', performance.now() - startedMs)
  const answer = await stage.temporaryAtCloud()
  must(answer === 'already-enrolled', `the Cloud API answers the temporary secret with ${answer}, not already-enrolled`)
  line('cloud', 'the temporary secret is refused with already-enrolled')
}
