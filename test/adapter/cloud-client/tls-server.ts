/** An HTTPS server for one test, on a port of its own, that counts what reaches it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Issued } from './certificates.ts'

/** Answers one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void | Promise<void>

/** A running server; `requests` counts those that arrived whole, `connections` the TLS connections. */
export type RunningServer = {
  readonly url: string
  readonly requests: readonly string[]
  readonly connections: () => number
  readonly resumed: () => number
  readonly dropConnections: () => void
}

/** Starts a server that stops when the test ends. */
export async function startTlsServer(certificate: Issued, handler: Handler, host = 'localhost'): Promise<RunningServer> {
  const requests: string[] = []
  let connections = 0
  let resumed = 0
  const server = https.createServer({ cert: certificate.chainPem, key: certificate.keyPem }, async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    requests.push(`${request.method} ${request.url} ${body}`)
    await handler(request, response, body)
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    connections += 1
    if (socket.isSessionReused()) resumed += 1
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `https://${host}:${port}`,
    requests,
    connections: () => connections,
    resumed: () => resumed,
    dropConnections: () => server.closeAllConnections(),
  }
}

/** Sends JSON. */
export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}
