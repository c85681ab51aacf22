/**
 * A TLS connection on which everything about the server's certificate is checked but its dates, for the one request that a
 * device makes before it knows the time.
 *
 * OpenSSL reports only the last error that it met, so "the certificate has expired" may stand in front of "and is not from the
 * pinned CA". Therefore its verdict is not used at all: the chain is walked here, link by link, before a byte is sent.
 */
import { X509Certificate } from 'node:crypto'
import { isIP, type TcpNetConnectOpts } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { AgentError } from '../failure.ts'
import { leadsToAnchor, readCertificates } from './certificate-chain.ts'
import { connectionError } from './connection-error.ts'

/** How long one address of several may take to answer; Node's 250 ms is less than a round trip over a bad radio and a mobile uplink. */
export const FAMILY_ATTEMPT_MS = 1_500

/** The chain as Node holds it: each certificate refers to its issuer, and the last to itself or to nothing. */
function presentedBy(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  const seen = new Set<DetailedPeerCertificate>()
  for (
    let each: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    each?.raw && !seen.has(each);
    each = each.issuerCertificate
  ) {
    seen.add(each)
    chain.push(new X509Certificate(each.raw))
  }
  return chain
}

function serverProblem(socket: TLSSocket, host: string, anchors: readonly X509Certificate[]): string | null {
  const presented = presentedBy(socket)
  const [leaf] = presented
  if (leaf === undefined) return 'the Cloud API presented no certificate'
  if (!leadsToAnchor(leaf, presented, anchors)) return "the Cloud API's certificate was not issued by cloud.ca"
  // The function that Node itself uses where dates are checked as well.
  return checkServerIdentity(host, socket.getPeerCertificate()) === undefined ? null : `the Cloud API's certificate is not for ${host}`
}

/** Where to connect to, and whom to trust. */
export type UndatedServer = { readonly host: string; readonly port: number; readonly caPem: string }

/** Connects and checks; gives a connection that is ready for its first byte, and that the caller must destroy. */
export function connectUndated(server: UndatedServer, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise<TLSSocket>((resolve, reject) => {
    const anchors = readCertificates(server.caPem)
    // The types of tls.connect lack what it hands on to net.connect.
    const options: ConnectionOptions & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
      host: server.host,
      port: server.port,
      servername: isIP(server.host) === 0 ? server.host : '',
      ca: server.caPem,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
      autoSelectFamilyAttemptTimeout: FAMILY_ATTEMPT_MS,
    }
    const socket = connect(options)
    const onAbort = (): void => fail(signal.reason)
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', fail)
    socket.on('close', () => fail(new AgentError('ERR_CLOUD_UNREACHABLE', 'the Cloud API closed the connection')))
    socket.once('secureConnect', () => {
      const problem = serverProblem(socket, server.host, anchors)
      if (problem !== null) return fail(new AgentError('ERR_CLOUD_TLS', problem))
      signal.removeEventListener('abort', onAbort)
      resolve(socket)
    })
  }).catch((error: unknown) => {
    throw connectionError(error)
  })
}
