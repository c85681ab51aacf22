/** The CA config as the rest of the agent sees it: read, checked, and with every file and key already resolved. */
import type { JSONWebKeySet } from 'jose'
import type { FlashedCredential, Identity, PermanentKind } from '../agent/credential/credential.ts'
import type { HotspotProfile } from '../agent/credential/hotspot.ts'
import type { LogLevel } from '../agent/log.ts'

/** Everything an agent needs to know before it starts. */
export type AgentConfig = {
  readonly identity: Identity
  /** In order of preference; a provisioning key is already turned into this device's temporary secret. */
  readonly credentials: readonly FlashedCredential[]
  /** What the swap and a rotation ask for. */
  readonly permanentCredential: PermanentKind
  readonly cloud: {
    readonly url: string
    readonly issuer: string
    readonly caPem: string
    readonly signingKeys: JSONWebKeySet
    readonly mutualTls: boolean
  }
  readonly hotspots: readonly HotspotProfile[]
  readonly wifi: WifiConfig
  readonly state: { readonly directory: string }
  readonly timers: Timers
  readonly log: { readonly level: LogLevel }
}

/** Which radio or port is used and how it gets an address. `interface` may be `auto`; `country` is null where the system decides. */
export type WifiConfig = {
  readonly interface: string
  readonly country: string | null
  readonly address: 'system' | 'udhcpc'
  readonly skipWhenWired: boolean
}

/** Every deadline and wait that may be tuned. */
export type Timers = {
  readonly joinMs: number
  readonly addressMs: number
  readonly cloudCallMs: number
  readonly scanMs: number
  readonly backoffBaseMs: number
  readonly backoffCapMs: number
  readonly actionsFastMs: number
  readonly actionsMs: number
}

/**
 * A config, the files it was read from, what is odd about it and which of its credentials cannot be used; or every problem at once:
 * one line each, naming source, key and remedy, never a secret.
 */
export type LoadedConfig =
  | {
      readonly ok: true
      readonly config: AgentConfig
      readonly files: readonly string[]
      readonly warnings: readonly string[]
      readonly unusable: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly string[]; readonly warnings: readonly string[] }

/** Where the CA config lives when nobody says otherwise. */
export const DEFAULT_CONFIG_FILE = '/etc/zipkey/ca.json'
