/** One device: the agent's own lifecycle, store and HTTPS client; only its supplicant is a door to the cloud's AAA. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCloudClient } from '../../../agent/cloud-client/cloud-client.ts'
import { deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { candidatesOf } from '../../../agent/credential/candidates.ts'
import type {
  Candidate,
  Identity,
  IssuedCredential,
  PermanentKind,
  SharedSecret,
  TemporarySecret,
} from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { createExecutors, deadlinesOf } from '../../../agent/execute.ts'
import { AgentError } from '../../../agent/failure.ts'
import { createClock } from '../../../agent/host/clock.ts'
import type { Log } from '../../../agent/log.ts'
import type { ServiceManager } from '../../../agent/ports.ts'
import { run } from '../../../agent/run.ts'
import { openKnownHotspots } from '../../../agent/store/known-hotspots.ts'
import { decodeSlot } from '../../../agent/store/records.ts'
import { openStore } from '../../../agent/store/store.ts'
import { AAA_DOMAIN, ACCOUNT, KEY_ID, type Site } from '../cloud/site.ts'
import { AaaDoor } from './aaa-door.ts'
import { type Told, writingDown } from './told.ts'

/** Short waits, so that a kill costs a second and not a minute. */
const TIMERS = {
  ...{ scanMs: 15_000, joinMs: 20_000, addressMs: 15_000, cloudCallMs: 10_000 },
  ...{ backoffBaseMs: 50, backoffCapMs: 400, actionsFastMs: 100, actionsMs: 100 },
}

/** What the factory put on a device. */
export type Flashed = TemporarySecret | SharedSecret

/** Draws what a factory would have. */
export function flash(site: Site, device: string, kind: 'temporary' | 'flashed'): Flashed {
  switch (kind) {
    case 'temporary': {
      const secret = new Secret(deriveTemporarySecret(site.provisioningKey, { account: ACCOUNT, device }))
      return { kind: 'temporary-secret', id: { kind: 'temporary', keyId: KEY_ID }, secret }
    }
    case 'flashed':
      return { kind: 'shared-secret', id: { kind: 'flashed' }, secret: new Secret(new Uint8Array(randomBytes(32))) }
  }
}

/** A secret as it is registered. */
export const registered = ({ secret }: Flashed): string => formatSecretText('zks_', secret.reveal())

const NO_SERVICE_MANAGER: ServiceManager = {
  watchdogEveryMs: null,
  ready: () => {},
  status: () => {},
  watchdog: () => {},
  stopping: () => {},
}

/** A device of the campaign. */
export class CampaignDevice {
  readonly identity: Identity
  readonly flashed: Flashed
  readonly told: Told = { tokens: new Map(), secrets: new Set() }
  /** The last lines of its log. */
  readonly lines: string[] = []
  promotions = 0
  isSteady = false
  readonly #site: Site
  readonly #permanent: PermanentKind
  readonly #stateFolder: string
  #heard = (): void => {}

  constructor(site: Site, device: string, flashed: Flashed, permanent: PermanentKind) {
    this.#site = site
    this.#permanent = permanent
    this.identity = { account: ACCOUNT, device, realm: AAA_DOMAIN }
    this.flashed = flashed
    this.#stateFolder = join(site.folder, 'devices', device)
  }

  /** What it could show at this moment, read from its disk beside it. `pending` first: it becomes `current` by a rename. */
  async candidates(): Promise<readonly Candidate[]> {
    const pending = await this.#slot('pending.json')
    return candidatesOf({ pending, current: await this.#slot('current.json') }, [this.flashed])
  }

  /** Runs the agent until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const log = this.#log()
    const clock = createClock()
    const store = await openStore({ directory: this.#stateFolder, identity: this.identity, log })
    const client = createCloudClient({
      cloud: this.#site.access,
      identity: this.identity,
      clock,
      timers: TIMERS,
      log,
      tokens: null,
      mutualTls: false,
    })
    try {
      const executors = createExecutors({
        identity: this.identity,
        flashed: async () => ({ usable: [this.flashed], refusal: null }),
        hotspots: [],
        permanentCredential: this.#permanent,
        supplicant: new AaaDoor(this.#site.aaa),
        wiredNetworks: { find: async () => null, lost: () => Promise.reject(new Error('there is none')) },
        loginPages: { pass: async () => {} },
        cloud: writingDown(client, this.told),
        store,
        knownHotspots: openKnownHotspots(this.#stateFolder, log),
        clock,
        systemClock: { set: () => Promise.reject(new AgentError('ERR_CLOCK_NOT_SET', 'the clock of this machine is not the campaign’s')) },
        limits: TIMERS,
        timers: TIMERS,
        random: Math.random,
        whenPromoted: () => {},
        whenFloorFails: (error) => log.error({ err: error }, 'the time floor was not raised'),
        whenProfilesFail: (error) => log.error({ err: error }, 'the profiles of the cloud cannot be read'),
        buildTimeMs: 0,
      })
      await run({ executors, deadlines: deadlinesOf(TIMERS), clock, log, service: NO_SERVICE_MANAGER, signal })
    } finally {
      client.close()
      await store.close()
    }
  }

  /** Ends when this is so, which is looked at after each step of the lifecycle; false where it is not in time. */
  async until(isSo: () => boolean, withinMs: number): Promise<boolean> {
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
      this.#heard()
    }, withinMs)
    while (!isSo() && !isLate) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
    clearTimeout(late)
    return isSo()
  }

  async #slot(name: 'pending.json' | 'current.json'): Promise<IssuedCredential | null> {
    const text = await readFile(join(this.#stateFolder, name), 'utf8').catch(() => null)
    const slot = text === null ? null : decodeSlot(text, this.identity)
    return slot?.ok === true ? slot.value : null
  }

  #log(): Log {
    const write = (fields: unknown, text?: unknown): void => {
      const step = Object(fields)
      if (step.event === 'promoted') this.promotions += 1
      if (typeof step.to === 'string') this.isSteady = step.to === 'steady'
      this.lines.push(`${new Date().toISOString()} ${step.event ?? ''} ${text ?? ''}`)
      if (this.lines.length > 40) this.lines.shift()
      this.#heard()
    }
    return { trace: () => {}, debug: () => {}, info: write, warn: write, error: write, fatal: write }
  }
}
