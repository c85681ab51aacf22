/** One request to a login page, bounded in time and size. Whatever goes wrong is no answer: a hotspot owes us none. */
import http from 'node:http'
import https from 'node:https'

/** What is asked. `caPem` is what an https server must be issued by; null stands for the public CAs. */
export type PageRequest = {
  readonly url: URL
  readonly form: Readonly<Record<string, string>> | null
  readonly accept: string
  readonly caPem: string | null
}

/** What came back: `location` where it leads elsewhere, and as much of the text as is read. */
export type PageAnswer = { readonly url: URL; readonly status: number; readonly location: URL | null; readonly text: string }

const TIMEOUT_MS = 5_000
const MOST_BYTES = 64 * 1024

/** Asks once; null where there was no answer. Rejects only with the signal's reason. */
export async function fetchPage(request: PageRequest, signal: AbortSignal): Promise<PageAnswer | null> {
  signal.throwIfAborted()
  const answer = await ask(request, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])).catch(() => null)
  signal.throwIfAborted()
  return answer
}

async function ask({ url, form, accept, caPem }: PageRequest, signal: AbortSignal): Promise<PageAnswer> {
  const body = form === null ? null : new URLSearchParams(form).toString()
  const headers = { accept, connection: 'close', ...(body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }) }
  const options = { method: body === null ? 'GET' : 'POST', headers, signal, agent: false }
  const trust = caPem === null ? {} : { ca: caPem }
  const outgoing =
    url.protocol === 'https:' ? https.request(url, { ...options, ...trust, minVersion: 'TLSv1.2' }) : http.request(url, options)
  const incoming = await new Promise<http.IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(body ?? undefined)
  })
  const text = await readStart(incoming)
  return { url, status: incoming.statusCode ?? 0, location: locationOf(incoming.headers.location, url), text }
}

async function readStart(incoming: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MOST_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, MOST_BYTES)
}

function locationOf(header: string | undefined, base: URL): URL | null {
  const url = header !== undefined && URL.canParse(header, base.href) ? new URL(header, base) : null
  return url !== null && /^https?:$/.test(url.protocol) ? url : null
}
