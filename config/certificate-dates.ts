/** The dates of flashed certificates, as far as they can be judged before anybody told the time. */
import type { X509Certificate } from 'node:crypto'
import { parseCertificateChain } from '../agent/contract/certificate.ts'
import type { DeviceCertificate } from '../agent/credential/credential.ts'
import { oneLine } from '../agent/credential/flashed-certificate.ts'

/** What the dates of a chain say: nobody's clock shows less than the time of the build, but this one's may show less than the truth. */
export type DatesVerdict = { readonly verdict: 'good' } | { readonly verdict: 'doubtful' | 'expired'; readonly problem: string }

/** When the program was built, and what the clock shows, which may be wrong either way. */
export type ConfigTime = { readonly nowMs: number; readonly buildTimeMs: number }

/** Judges the dates of a certificate and its issuers: sure is only what ended before the program was built. */
export function judgeDates({ chainPem }: Pick<DeviceCertificate, 'chainPem'>, { nowMs, buildTimeMs }: ConfigTime): DatesVerdict {
  const latestMs = Math.max(nowMs, buildTimeMs)
  for (const certificate of certificatesOf(chainPem)) {
    const name = `the certificate "${oneLine(certificate.subject)}"`
    const ended = `${name} expired at ${certificate.validTo}`
    if (Date.parse(certificate.validTo) < buildTimeMs)
      return { verdict: 'expired', problem: `${ended}, before this program was built: flash a new one` }
    if (Date.parse(certificate.validTo) < latestMs)
      return { verdict: 'doubtful', problem: `${ended} by the clock of this device: flash a new one, unless the clock is wrong` }
    if (Date.parse(certificate.validFrom) > latestMs)
      return { verdict: 'doubtful', problem: `${name} is not valid before ${certificate.validFrom}: check it, unless the clock is wrong` }
  }
  return { verdict: 'good' }
}

function certificatesOf(chainPem: string): readonly X509Certificate[] {
  const chain = parseCertificateChain(chainPem)
  return chain.ok ? chain.value : []
}
