/** Who signs the certificates that devices ask for (contract §5): a CA of the cloud's own, or one elsewhere that a command asks. */
import type { X509Certificate } from 'node:crypto'
import type { DeviceName } from '../../agent/contract/names.ts'
import type { CertificatePlace } from './certificate-place.ts'
import type { CertificateRequest } from './certificate-request.ts'

/** A CA for devices. */
export type DeviceIssuer = {
  /** The CA certificates (PEM) that hotspots check the devices' chains against. */
  readonly caPem: string
  /** Whether the CA was made just now, so that no hotspot knows it. */
  readonly isNew: boolean
  /** Signs for a device, with the id of its place, and gives the chain (PEM), its own first. It may take seconds; an ApiProblem says that it gives none now. */
  readonly issue: (name: DeviceName, request: CertificateRequest, placeId: string) => Promise<string>
  /** What a certificate proves by itself; null where it is not of this CA, or the CA writes no such thing. */
  readonly placeIn: (certificate: X509Certificate) => CertificatePlace | null
}
