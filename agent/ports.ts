/** The seams between the lifecycle and the world, as types. Every call ends when its signal aborts; every failure is an AgentError. */

import type { Duplex } from 'node:stream'
import type { Scope } from './contract/token.ts'
import type { StoredCredentials } from './credential/candidates.ts'
import type { CloudProfiles } from './credential/cloud-profiles.ts'
import type { Credential, IssuedCredential, TokenCertificate } from './credential/credential.ts'
import type { EapProfile } from './credential/eap-profile.ts'
import type { HotspotProfile } from './credential/hotspot.ts'
import type { Secret } from './credential/secret.ts'
import type { AgentError, Failure } from './failure.ts'

/**
 * One radio of a hotspot (IEEE 802.11 BSS) and a profile that matches it; on a wired port the PAE group address stands for it. One
 * that several profiles match is there once for each.
 */
export type Bss = {
  readonly bssid: string
  readonly frequencyMhz: number
  readonly signalDbm: number
  readonly hotspot: HotspotProfile
  /** The profile's place among the profiles. */
  readonly preference: number
  readonly managementFrames: 'open' | 'protected'
  /** At a Passpoint hotspot, what the profile does not say; else null. */
  readonly passpoint: PasspointBss | null
}

/** A BSS that was found by what it says of itself. `isVisited`: its operator is not the device's own, and takes it all the same. */
export type PasspointBss = { readonly ssid: Uint8Array; readonly isVisited: boolean }

/**
 * A joined BSS with an address; `bss` is null for a wired network that was there already. `captiveApi` is where the hotspot says that
 * its captive-portal API is (RFC 8910), if it does. `eap` is what the supplicant reported of this very join; null where no credential
 * was shown.
 */
export type Link = {
  readonly bss: Bss | null
  readonly interfaceName: string
  readonly address: string
  readonly captiveApi: string | null
  readonly eap: { readonly method: string; readonly serverSubject: string; readonly datesChecked: boolean } | null
}

/** How a scan is done, and what for. */
export type ScanOptions = { readonly profiles: readonly HotspotProfile[]; readonly maxAgeMs: number; readonly everywhere: boolean }

/** wpa_supplicant, or a fake that passes the same suite. */
export interface Supplicant {
  /**
   * The BSSs that profiles match, in no order; empty when none is in range. May be answered from a scan at most `maxAgeMs` old.
   * Without `everywhere` other channels than the profiles' are looked at only where nothing is found on those.
   */
  scan(options: ScanOptions, signal: AbortSignal): Promise<readonly Bss[]>
  /** Joins exactly this BSS and waits for an address: by a full EAP run, or with `eap` null by what a plain hotspot's profile holds. */
  join(bss: Bss, eap: EapProfile | null, signal: AbortSignal): Promise<Link>
  /** Ends when the link is gone, with the reason; at once when it already is. */
  linkLost(link: Link, signal: AbortSignal): Promise<Failure>
  /** Ends when a radio that could be used appears. */
  radioAppeared(signal: AbortSignal): Promise<void>
  /** Leaves the hotspot. */
  leave(): Promise<void>
  /** Leaves the hotspot and takes its own objects back. */
  close(): Promise<void>
}

/** Wired networks that somebody else has set up, and that need no hotspot. */
export interface WiredNetworks {
  /** A link by which the cloud is reached already; null where there is none. */
  find(signal: AbortSignal): Promise<Link | null>
  /** Ends when that link is gone, with the reason; at once when it already is. */
  lost(link: Link, signal: AbortSignal): Promise<Failure>
}

/** Login pages between a hotspot and the cloud. */
export interface LoginPages {
  /** Ends once there is none in the way, as far as one can see; logs in where the profile has a login. Throws where one stays. */
  pass(link: Link, signal: AbortSignal): Promise<void>
}

/** An access token of the Cloud API; `expiresAtMs` is by the device's clock. */
export type AccessToken = { readonly value: Secret<string>; readonly scope: Scope; readonly expiresAtMs: number }

/** What is asked for: a secret by a nonce, or a certificate for a private key (PEM), which stays on the device. */
export type CredentialAsk =
  | { readonly kind: 'secret'; readonly nonce: string }
  | { readonly kind: 'certificate'; readonly privateKeyPem: Secret<string> }

/** A request for a permanent credential; `orderId` is null for the first one, which a temporary credential asks for. */
export type SwapRequest = { readonly token: AccessToken; readonly ask: CredentialAsk; readonly orderId: string | null }

/** A request for profiles later than `after`; what is sealed in them is for this credential, whose token it is. */
export type ProfilesRequest = { readonly token: AccessToken; readonly credential: Credential; readonly after: number }

/** What the cloud signed. */
export type FetchedProfiles = Pick<CloudProfiles, 'version' | 'hotspots'>

/** Where TLS goes to, and the only CAs that are trusted. */
export type TlsServer = { readonly host: string; readonly port: number; readonly caPem: string }

/** Tokens (PKCS#11) that hold private keys. */
export interface KeyTokens {
  /** A signature by the credential's key, in the form of JWS (RFC 7518 §3). */
  sign(credential: TokenCertificate, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** A TLS connection that shows the certificate; whatever goes wrong is its error. The caller destroys it. */
  connect(credential: TokenCertificate, server: TlsServer): Promise<Duplex>
  /** Ends well where the token is there, opens, and holds the certificate's key. */
  check(credential: TokenCertificate, signal: AbortSignal): Promise<void>
}

/** The flashed credentials that can be used now, and what is wrong with the first that cannot; null where all can. */
export type FlashedCredentials = { readonly usable: readonly Credential[]; readonly refusal: AgentError | null }

/** The Cloud API as a device sees it. */
export interface CloudClient {
  /** Ends when the Cloud API has proved itself by its certificate, dates aside, and gives our own address; nothing is sent to it. */
  reach(signal: AbortSignal): Promise<string>
  /** Asks for the signed time with certificate dates ignored; gives the time and a challenge good for one assertion. */
  time(signal: AbortSignal): Promise<{ readonly timeMs: number; readonly challenge: string }>
  /** Trades a client assertion for an access token. */
  token(credential: Credential, challenge: string | null, signal: AbortSignal): Promise<AccessToken>
  /** Asks for a permanent credential; the same nonce or key gets the same answer. With a permanent credential it needs a rotation order. */
  requestCredential(request: SwapRequest, signal: AbortSignal): Promise<IssuedCredential>
  /** The rotation order that is open for this device, by its id; null where there is none. */
  rotationOrder(token: AccessToken, signal: AbortSignal): Promise<string | null>
  /** The hotspot profiles that the cloud adds, where it has a version later than this one; null where it has none. */
  hotspotProfiles(request: ProfilesRequest, signal: AbortSignal): Promise<FetchedProfiles | null>
}

/** The two slots on durable storage, the swap's nonce or key, and the time floor. */
export interface CredentialStore {
  /** What is in the slots; a torn or foreign file was set aside and told to the log. */
  load(): Promise<StoredCredentials>
  /** The swap's nonce: the one kept on disk, or a fresh one that replaces it, durable before it is returned. */
  nonce(which: 'kept' | 'fresh'): Promise<string>
  /** The private key (PEM) that a certificate is asked for with, as `nonce`. */
  key(which: 'kept' | 'fresh'): Promise<Secret<string>>
  /** Durable before it returns. */
  storePending(credential: IssuedCredential): Promise<void>
  /** Makes the pending slot current by one rename, if it holds exactly this credential. */
  promote(credential: IssuedCredential): Promise<void>
  /** The latest time that the cloud vouched for, in ms since 1970; 0 where none was stored. */
  timeFloor(): Promise<number>
  /** Raises the floor; never lowers it. */
  raiseTimeFloor(timeMs: number): Promise<void>
  /** The hotspot profiles that the cloud added. */
  cloudProfiles(): Promise<CloudProfiles>
  /** Durable before it returns; a version lower than the one that is kept is refused. */
  keepCloudProfiles(profiles: CloudProfiles): Promise<void>
}

/** Which hotspots led to the cloud before: a hint for choosing, which may be lost and never fails. */
export interface KnownHotspots {
  /** By keys that the lifecycle made, the latest first. */
  load(): Promise<readonly string[]>
  keep(known: readonly string[]): Promise<void>
}

/** Time, for everything that waits or stamps. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  nowMs(): number
  /** Monotonic, ms since some start. */
  monotonicMs(): number
  /** Ends after `delayMs`, or rejects with the signal's reason. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>
}

/** The machine's own clock, which the agent sets when it is before the floor or the cloud says that it is off. */
export interface SystemClock {
  set(timeMs: number): Promise<void>
}

/** systemd, as sd_notify(3) knows it. */
export interface ServiceManager {
  /** Half the watchdog's period, or null without a watchdog. */
  readonly watchdogEveryMs: number | null
  ready(): void
  status(text: string): void
  watchdog(): void
  stopping(): void
}
