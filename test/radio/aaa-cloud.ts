import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { isObject } from '../../agent/contract/parsed.ts'
import type { LabPki } from '../../scripts/radio-lab/pki.ts'

/** As much of the Cloud API as a hotspot needs: it knows passwords and certificates, and keeps what FreeRADIUS asked. */
export type AaaCloud = {
  port: number
  /** Paths and bodies of what was asked, in order. */
  requests: { path: string; authorization: string; body: string }[]
  close: () => Promise<void>
}

/** Starts it on a port of the loopback, with the certificate of the lab's cloud. */
export async function startAaaCloud(
  pki: LabPki,
  passwords: ReadonlyMap<string, string>,
  certificates: ReadonlySet<string> = new Set(),
): Promise<AaaCloud> {
  const requests: AaaCloud['requests'] = []
  const tls = { cert: readFileSync(pki.cloud.certificateFile), key: readFileSync(pki.cloud.keyFile) }
  const server = createServer(tls, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization ?? '', body })
    if (request.url !== '/v1/aaa/authorize') {
      response.end(request.url === '/hello' ? 'hello from the cloud' : undefined)
      return
    }
    const { identity, method, certificate } = asked(body)
    if (method === 'TLS') {
      const answer = { 'control:Auth-Type': { op: ':=', do_xlat: false, value: [certificates.has(certificate) ? 'Accept' : 'Reject'] } }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
      return
    }
    const password = passwords.get(identity)
    response.writeHead(password === undefined ? 404 : 200, { 'content-type': 'application/json' })
    const answer = { 'control:Cleartext-Password': { op: ':=', do_xlat: false, value: [password] } }
    response.end(password === undefined ? '{}' : JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A certificate as FreeRADIUS hands it over: with spaces in place of line ends. */
export const asHandedOver = (pem: string): string => pem.trim().replaceAll('\n', ' ')

function asked(body: string): { readonly identity: string; readonly method: string; readonly certificate: string } {
  const parsed: unknown = JSON.parse(body)
  if (!isObject(parsed)) return { identity: '', method: '', certificate: '' }
  const [identity, method, certificate] = [parsed.identity, parsed.method, parsed.certificate].map(String)
  return { identity: identity ?? '', method: method ?? '', certificate: (certificate ?? '').trim() }
}
