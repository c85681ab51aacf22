/**
 * A cloud is put back to a backup that was taken before its devices moved on. All of them must be accepted and audited, and nobody who
 * has what they replaced may gain by it.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { formatCredentialId } from '../../../agent/contract/names.ts'
import type { CloudProgram } from '../cloud/cloud-program.ts'
import { ACCOUNT, type Engine, lookInto, openSite, type Site } from '../cloud/site.ts'
import { type ContractDevice, type Held, Way } from './contract-device.ts'
import { beforeBackup, inLostTime, isLost, type Member, makeFleet, orderFor } from './fleet.ts'

/** What is done. */
export type Plan = {
  readonly engine: Engine
  readonly devices: number
  readonly program: CloudProgram
  readonly folder: string
  readonly tell: (line: string) => void
}

/** What came of it. `thefts` is how often somebody with a replaced secret tried. */
export type Outcome = { readonly accepted: number; readonly waited: number; readonly thefts: number; readonly faults: readonly string[] }

const AT_ONCE = 16
const WINDOW_MINUTES = 60
const execute = promisify(execFile)

/** Runs the campaign. */
export async function runRestoreCampaign(plan: Plan): Promise<Outcome> {
  const site = await openSite(plan.folder, plan.engine, plan.program)
  const way = new Way(site.access)
  try {
    return await new Campaign(plan, site, way).run()
  } finally {
    way.close()
    await site.close()
  }
}

class Campaign {
  readonly #plan: Plan
  readonly #site: Site
  readonly #way: Way
  readonly #fleet: readonly Member[]
  /** Devices that swap while the backup is taken, and are in it or are not. */
  readonly #load: readonly Member[]
  readonly #faults: string[] = []
  #waited = 0
  #thefts = 0

  constructor(plan: Plan, site: Site, way: Way) {
    this.#plan = plan
    this.#site = site
    this.#way = way
    this.#fleet = makeFleet(site, way, plan.devices, 'SN')
    this.#load = makeFleet(site, way, Math.ceil(plan.devices / 2), 'LOAD')
  }

  async run(): Promise<Outcome> {
    await this.#loseTime()
    const here = this.#fleet.filter(({ part }) => part !== 'away')
    const away = this.#fleet.filter(({ part }) => part === 'away')
    await this.#each(this.#fleet, (member) => this.#thievesWait(member))
    await this.#each(here, (member) => this.#comesBack(member))
    await this.#each(here.filter(isLost), (member) => this.#thievesAreRefused(member))
    await this.#endWindow()
    const thieves = new Map<ContractDevice, Held>()
    for (const member of away) await this.#thiefGetsOn(member, thieves)
    await this.#each(this.#fleet, (member) => this.#isGood(member))
    await this.#each(this.#fleet, (member) => this.#thievesAreRefused(member, thieves.get(member.device)))
    await this.#each([...this.#fleet, ...this.#load], (member) => this.#isGood(member))
    const accepted = await this.#judge()
    return { accepted, waited: this.#waited, thefts: this.#thefts, faults: this.#faults }
  }

  /** Everything up to the restored cloud. The backup is taken while devices swap. */
  async #loseTime(): Promise<void> {
    const { tell, folder } = this.#plan
    const answered = new Map<ContractDevice, Held>()
    await this.#each(this.#fleet, (member) => beforeBackup(member, answered))
    tell(`${this.#fleet.length} devices are as the backup will have them`)
    const file = join(folder, 'backup')
    const load = this.#each(this.#load, ({ device }) => device.moveOn(null))
    await this.#command('backup', '--out', file)
    await load
    await this.#each(this.#fleet, (member) => inLostTime(this.#site, member, answered))
    tell('a backup was taken, and all devices have moved on')
    await this.#site.cloud.end('SIGKILL')
    await this.#command('restore', '--from', file, '--window', String(WINDOW_MINUTES))
    await this.#site.cloud.start()
    this.#way.close()
    tell('the cloud was put back to the backup')
  }

  /** Whoever has what was replaced, and shows it first. What was issued and replaced in the lost time nobody can tell from the newest. */
  async #thievesWait({ device, part }: Member): Promise<void> {
    const known = part === 'rotated-twice' ? device.replaced.slice(0, -1) : device.replaced
    for (const stolen of known) await this.#theft(device, stolen, ['unavailable', 'revoked', 'already-enrolled'])
  }

  async #comesBack(member: Member): Promise<void> {
    const outcome = await member.device.token(member.device.held)
    const expected = isLost(member) ? 'granted' : 'unavailable'
    if (outcome.said !== expected) this.#fault(member, `came back and was told ${outcome.said} instead of ${expected}`)
    if (outcome.token !== null || outcome.said !== 'unavailable') return
    this.#waited += 1
    if (!(outcome.retryAfterS > 0)) this.#fault(member, 'was not told how long to wait')
  }

  async #thievesAreRefused({ device }: Member, also?: Held): Promise<void> {
    for (const stolen of [...device.replaced, ...(also === undefined ? [] : [also])]) {
      await this.#theft(device, stolen, ['revoked', 'already-enrolled'])
    }
  }

  async #theft(device: ContractDevice, stolen: Held, allowed: readonly string[]): Promise<void> {
    this.#thefts += 1
    const { said } = await device.token(stolen)
    if (!allowed.includes(said)) this.#faults.push(`${device.name.device}: a thief with ${formatCredentialId(stolen.id)} was told ${said}`)
  }

  /** What an hour does. */
  async #endWindow(): Promise<void> {
    const ended = { recovering_until: Date.now() - 1 }
    await lookInto(this.#site, async (db) => {
      await db.updateTable('device').set(ended).where('recovering_until', 'is not', null).execute()
      await db.updateTable('provisioning_key').set(ended).where('recovering_until', 'is not', null).execute()
    })
  }

  /** A device is away for longer than the window, and somebody rotates what it had replaced: nothing tells them apart yet. */
  async #thiefGetsOn({ device }: Member, thieves: Map<ContractDevice, Held>): Promise<void> {
    const stolen = device.replaced.at(-1)
    if (stolen === undefined) return
    const next = await device.next(stolen, await orderFor(this.#site, device))
    await device.token(next)
    thieves.set(device, next)
  }

  async #isGood(member: Member): Promise<void> {
    const { said } = await member.device.token(member.device.held)
    if (said !== 'granted') this.#fault(member, `is locked out: ${said}`)
  }

  async #judge(): Promise<number> {
    const { issued, audit, alarms } = await lookInto(this.#site, async (db) => ({
      issued: await db
        .selectFrom('issued_secret')
        .select(['device', 'secret_id', 'certificate', 'state'])
        .where('account', '=', ACCOUNT)
        .execute(),
      audit: await db.selectFrom('audit').select(['device', 'event', 'credential']).execute(),
      alarms: await db.selectFrom('alarm').select(['device', 'kind']).execute(),
    }))
    if (audit.filter(({ event }) => event === 'database-restored').length !== 1) this.#faults.push('the log does not tell of the restore')
    let accepted = 0
    for (const member of this.#fleet) {
      const { device } = member.device.name
      const { id } = member.device.held
      const current = issued
        .filter((row) => row.device === device && row.state === 'current')
        .map(({ secret_id, certificate }) => `${certificate === null ? 's' : 'c'}.${secret_id}`)
      const isWell = current.length === 1 && current[0] === formatCredentialId(id)
      if (!isWell) this.#fault(member, `${current.join()} is current instead of ${formatCredentialId(id)}`)
      accepted += isWell ? 1 : 0
      const rolled = audit.filter((row) => row.device === device && row.event === 'rolled-forward').map(({ credential }) => credential)
      const expected = isLost(member) ? [formatCredentialId(id)] : []
      if (rolled.join() !== expected.join()) this.#fault(member, `the log tells that ${rolled.join()} rolled forward`)
      const isAlarmed = alarms.some((row) => row.device === device && row.kind === 'line-conflict')
      if (isAlarmed !== (member.part === 'away')) this.#fault(member, isAlarmed ? 'alarms' : 'does not alarm')
    }
    return accepted
  }

  #fault({ device, part }: Member, what: string): void {
    this.#faults.push(`${device.name.device} (${part}) ${what}`)
  }

  async #command(name: 'backup' | 'restore', ...parameters: readonly string[]): Promise<void> {
    const { file, environment } = this.#plan.program
    const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env
    const options = { env: { ...inherited, ...environment } }
    await execute(process.execPath, [file, name, '--data', this.#site.dataFolder, ...parameters], options)
  }

  async #each(members: readonly Member[], work: (member: Member) => Promise<void>): Promise<void> {
    const queue = members.values()
    const line = async (): Promise<void> => {
      for (const member of queue) await work(member)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, line))
  }
}
