/** PEM (RFC 7468). */

/** Ends a line of PEM: as it is in a file, or as it stands in a JSON text. */
export type LineEnd = '\n' | '\\n'

/** Writes DER, which is in base64, as PEM, with an end of line at its end. */
export function pem(label: 'CERTIFICATE' | 'PRIVATE KEY', base64: string, end: LineEnd = '\n'): string {
  let lines = ''
  for (let start = 0; start < base64.length; start += 64) lines += base64.slice(start, start + 64) + end
  return `-----BEGIN ${label}-----${end}${lines}-----END ${label}-----${end}`
}

/** DER in base64. */
export const base64 = (der: Uint8Array): string => Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64')
