import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { LabPki } from '../../scripts/radio-lab/pki.ts'

/** As much of the Cloud API as a hotspot needs: it knows passwords and keeps what FreeRADIUS asked. */
export type AaaCloud = {
  port: number
  /** Paths and bodies of what was asked, in order. */
  requests: { path: string; authorization: string; body: string }[]
  close: () => Promise<void>
}

/** Starts it on a port of the loopback, with the certificate of the lab's cloud. */
export async function startAaaCloud(pki: LabPki, passwords: ReadonlyMap<string, string>): Promise<AaaCloud> {
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
    const password = passwords.get(identityIn(body))
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

function identityIn(body: string): string {
  const parsed: unknown = JSON.parse(body)
  return typeof parsed === 'object' && parsed !== null && 'identity' in parsed ? String(parsed.identity) : ''
}
