/** Which of the BSSs in range is tried first, and why: one pure function, so that its reasons can be printed. */
import type { HotspotProfile } from '../credential/hotspot.ts'
import type { Bss } from '../ports.ts'
import type { Known } from './known.ts'
import { standingOf } from './known.ts'

/** A BSS in its place, with what decided it, in words. */
export type Ranked = { readonly bss: Bss; readonly why: string }

/** What is known about BSSs from before. */
export type Experience = {
  readonly known: Known
  /** How much is held against it now: 1 for each recent failure, less as time passes. */
  readonly failuresOf: (bss: Bss) => number
}

/** Below this a join often fails and is slow. */
const WEAK_DBM = -80

/**
 * In this order: what failed lately comes last, and what is hardly heard; then what led to the cloud before comes first, then the
 * better security, then the operator at home, then the order of the profiles, then the stronger signal. A stronger evil twin therefore costs one attempt, and
 * none once the true hotspot is known.
 */
export function rank(bsss: readonly Bss[], { known, failuresOf }: Experience): readonly Ranked[] {
  const judged = bsss.map((bss) => {
    const facts = { bss, failures: Math.round(failuresOf(bss)), standing: standingOf(known, bss) }
    return { ...facts, key: keyOf(facts) }
  })
  return judged
    .toSorted((a, b) => compare(a.key, b.key) || (a.bss.bssid < b.bss.bssid ? -1 : 1))
    .map((facts) => ({ bss: facts.bss, why: reasonsFor(facts) }))
}

type Facts = { readonly bss: Bss; readonly failures: number; readonly standing: ReturnType<typeof standingOf> }

const STANDING = { 'this BSS': 0, 'this hotspot': 1, unknown: 2 } as const

const keyOf = ({ bss, failures, standing }: Facts): readonly number[] => [
  failures,
  bss.signalDbm < WEAK_DBM ? 1 : 0,
  STANDING[standing],
  SECURITY[bss.hotspot.security].place,
  bss.managementFrames === 'protected' ? 0 : 1,
  bss.passpoint?.isVisited === true ? 1 : 0,
  bss.preference,
  -bss.signalDbm,
]

const SECURITY: { readonly [K in HotspotProfile['security']]: { readonly place: number; readonly text: string } } = {
  'wired-eap': { place: 0, text: '802.1X' },
  'wpa-eap': { place: 0, text: '802.1X' },
  passpoint: { place: 0, text: 'Passpoint' },
  sae: { place: 1, text: 'WPA3-Personal' },
  psk: { place: 2, text: 'WPA2-Personal' },
  owe: { place: 3, text: 'OWE' },
  open: { place: 4, text: 'open' },
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at])
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}

function reasonsFor({ bss, failures, standing }: Facts): string {
  const reasons = [
    failures > 0 ? `failed lately (${failures})` : null,
    bss.signalDbm < WEAK_DBM ? 'weak' : null,
    standing === 'unknown' ? null : `${standing} led to the cloud before`,
    SECURITY[bss.hotspot.security].text,
    bss.managementFrames === 'protected' ? 'protected management frames' : null,
    bss.passpoint?.isVisited === true ? 'of another operator' : null,
    `profile ${bss.preference + 1}`,
    `${bss.signalDbm} dBm`,
  ]
  return reasons.filter((reason) => reason !== null).join(', ')
}
