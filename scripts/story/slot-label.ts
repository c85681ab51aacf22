/** What the credential in a slot of the store is called, from the slot's text or the part of it that says so. */
import { certificateFingerprint, parseCertificateChain } from '../../agent/contract/certificate.ts'
import { formatCredentialId } from '../../agent/contract/names.ts'

/** The label (`s.…`, `c.…`) in a text that holds `"secretId":"…"` or `"certificate":"…"`; null where there is neither. */
export function labelInSlot(text: string): string | null {
  const secretId = /"secretId":"([^"]*)"/.exec(text)?.[1]
  if (secretId !== undefined) return formatCredentialId({ kind: 'issued', secretId })
  const pem = /"certificate":("[^"]*")/.exec(text)?.[1]
  const chain = pem === undefined ? null : parseCertificateChain(String(JSON.parse(pem)))
  if (chain?.ok !== true) return null
  return formatCredentialId({ kind: 'certificate', fingerprint: certificateFingerprint(chain.value[0].raw) })
}
