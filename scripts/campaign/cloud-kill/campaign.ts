/** The campaign: many devices at once on their way to a permanent secret and from one to the next, while the cloud and its database are killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { CloudProgram } from '../cloud/cloud-program.ts'
import { ACCOUNT, type Engine, insist, openSite, type Site } from '../cloud/site.ts'
import { CampaignDevice, flash, registered } from './device.ts'
import { atRest, lockedOut, type Witness } from './judge.ts'

/** What is killed: the cloud, the database below it, or both in the same instant. */
export type Victim = 'cloud' | 'database' | 'both'

/** How much of it. */
export type Plan = {
  readonly engine: Engine
  readonly program: CloudProgram
  /** First permanent secrets and rotations. */
  readonly swaps: number
  readonly kills: number
  /** Devices at once. */
  readonly lines: number
  readonly folder: string
  readonly tell: (line: string) => void
}

/** What came of it. */
export type Outcome = {
  readonly swaps: number
  readonly devices: number
  readonly kills: readonly Victim[]
  /** How often a device was judged while the cloud was dead. */
  readonly judged: number
  readonly seconds: number
  readonly faults: readonly string[]
}

/** A device that is not there by then is locked out, whatever the reason. */
const ARRIVAL_MS = 60_000
/** Kills come so soon after a swap has been counted, anywhere in the next ones, or after a secret has been told. */
const KILL_WITHIN_MS = 150
const TELL_EVERY = 10

/** Everything that goes on at one time. */
class Course {
  readonly site: Site
  readonly plan: Plan
  readonly devices: CampaignDevice[] = []
  readonly active = new Set<CampaignDevice>()
  readonly faults: string[] = []
  readonly kills: Victim[] = []
  judged = 0
  swaps = 0
  /** The devices have stopped, for the end or for a fault. */
  isOver = false

  constructor(site: Site, plan: Plan) {
    this.site = site
    this.plan = plan
  }

  /** Secrets that devices were told. A certificate is read from what is committed before it is told. */
  get told(): number {
    const secrets = this.devices.flatMap(({ told }) => [...told.secrets].filter((label) => label.startsWith('s.')))
    return secrets.length
  }

  get isWanted(): boolean {
    return this.swaps < this.plan.swaps && this.faults.length === 0
  }
}

/** Runs it in a folder of its own; `Outcome.faults` is empty where all is well. */
export async function runCampaign(plan: Plan): Promise<Outcome> {
  const startedMs = performance.now()
  const site = await openSite(plan.folder, plan.engine, plan.program)
  try {
    const course = new Course(site, plan)
    const killing = killOn(course)
    await Promise.all(Array.from({ length: plan.lines }, () => walkOn(course)))
    course.isOver = true
    await killing
    course.faults.push(...(await atRest(site, course.devices.map(witnessOf))))
    const { swaps, devices, kills, judged, faults } = course
    return { swaps, devices: devices.length, kills, judged, faults, seconds: (performance.now() - startedMs) / 1000 }
  } finally {
    await site.close()
  }
}

const witnessOf = (device: CampaignDevice): Witness => ({
  identity: device.identity,
  told: device.told,
  candidates: () => device.candidates(),
})

/** One device after the other. */
async function walkOn(course: Course): Promise<void> {
  while (course.isWanted) {
    const number = course.devices.length + 1
    const kind = number % 5 === 0 ? 'flashed' : 'temporary'
    const permanent = number % 4 === 0 ? 'certificate' : 'secret'
    const device = new CampaignDevice(course.site, `SN-${number}`, flash(course.site, `SN-${number}`, kind), permanent)
    course.devices.push(device)
    const ending = new AbortController()
    try {
      if (kind === 'flashed') await register(course.site, device)
      course.active.add(device)
      const running = device.run(ending.signal)
      await Promise.race([running, live(course, device, kind === 'flashed' ? 2 : 1 + (number % 3))])
      ending.abort()
      await running
    } catch (error) {
      course.faults.push(`${device.identity.device}: ${error instanceof Error ? error.message : String(error)}`, ...device.lines)
      ending.abort()
    } finally {
      course.active.delete(device)
    }
  }
}

async function register(site: Site, device: CampaignDevice): Promise<void> {
  const answer = z.object({ results: z.array(z.object({ status: z.string(), message: z.string() })) })
  const body = { devices: [{ id: device.identity.device, secret: registered(device.flashed) }] }
  // Asked again after its answer was lost, the cloud says that the device exists already.
  await insist(site, `/v1/accounts/${ACCOUNT}/devices`, answer, body, ARRIVAL_MS)
}

/** A device's way: so many permanent secrets, each after the first by an order. */
async function live(course: Course, device: CampaignDevice, promotions: number): Promise<void> {
  const first = device.flashed.kind === 'temporary-secret' ? 1 : 0
  for (let wanted = first; wanted <= promotions; wanted++) {
    if (wanted > first) {
      const path = `/v1/accounts/${ACCOUNT}/devices/${device.identity.device}/rotation-orders`
      await insist(course.site, path, z.unknown(), undefined, ARRIVAL_MS)
    }
    const isThere = () => device.promotions >= wanted && device.isSteady
    if (!(await device.until(isThere, ARRIVAL_MS))) throw new Error(`did not become steady within ${ARRIVAL_MS / 1000} s`)
    if (wanted > 0) course.swaps += 1
  }
}

/** Kills at random moments, spread over all swaps; every other one just after some device was told a secret, which must then be kept. */
async function killOn(course: Course): Promise<void> {
  const { plan } = course
  for (let kill = 0; kill < plan.kills; kill++) {
    const after = ((kill + Math.random()) * plan.swaps) / plan.kills
    while (course.swaps < after && !course.isOver) await sleep(5)
    const { told } = course
    // Not the last one, behind which no secret may be told any more.
    const isAimed = kill % 2 === 0 && kill < plan.kills - 1
    while (isAimed && course.told === told && !course.isOver) await sleep(1)
    if (course.isOver) return
    await sleep(Math.random() * KILL_WITHIN_MS)
    await killOnce(course)
    if (course.kills.length % TELL_EVERY === 0) plan.tell(`${course.swaps} swaps, ${course.kills.length} kills`)
  }
}

async function killOnce(course: Course): Promise<void> {
  const { site, faults } = course
  const victim = victimOf(site)
  course.kills.push(victim)
  const [cloudDies, databaseDies] = [victim !== 'database', victim !== 'cloud']
  await Promise.all([cloudDies ? site.cloud.end('SIGKILL') : null, databaseDies ? site.cluster?.kill() : null])
  if (databaseDies) await site.cluster?.start()
  if (!cloudDies) return
  // Every other time the cloud is the first to open what it left.
  if (Math.random() < 0.5) {
    const witnesses = [...course.active].map(witnessOf)
    course.judged += witnesses.length
    faults.push(...(await lockedOut(site, witnesses)))
  }
  await site.cloud.start()
}

function victimOf({ engine }: Site): Victim {
  const victims: readonly Victim[] = engine === 'sqlite' ? ['cloud'] : ['cloud', 'database', 'both']
  return victims[Math.floor(Math.random() * victims.length)] ?? 'cloud'
}
