/** One HTTPS request and its whole answer, under one deadline and one size limit. Redirects are not followed. */
import https, { type RequestOptions } from 'node:https'
import { AgentError } from '../failure.ts'
import { connectionError } from './connection-error.ts'

/** What is asked. */
export type CloudRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/** What came back; a header that was not sent is null. */
export type CloudAnswer = {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string | null
  readonly date: string | null
  readonly text: string
}

/** Over which connection it goes: an agent that opens and checks one, or one that is open and checked. */
export type Transport = Pick<RequestOptions, 'agent' | 'createConnection'>

const MAX_ANSWER_BYTES = 64 * 1024

/** Runs a call under a deadline of its own; the call must end, with the signal's reason, when its signal aborts. */
export async function withDeadline<T>(timeoutMs: number, signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const ended = new AbortController()
  const onAbort = (): void => ended.abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(
    () => ended.abort(new AgentError('ERR_CLOUD_UNREACHABLE', `the Cloud API did not answer within ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await call(ended.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Sends one request and reads its answer to the end. */
export function exchange(request: CloudRequest, transport: Transport, signal: AbortSignal): Promise<CloudAnswer> {
  return new Promise<CloudAnswer>((resolve, reject) => {
    const outgoing = https.request(request.url, { ...transport, method: request.method, headers: request.headers })
    const onAbort = (): void => fail(signal.reason)
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort)
      outgoing.destroy()
      reject(error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      readAll(incoming).then((text) => {
        signal.removeEventListener('abort', onAbort)
        const { headers, statusCode = 0 } = incoming
        resolve({
          status: statusCode,
          contentType: headers['content-type'] ?? '',
          retryAfter: headers['retry-after'] ?? null,
          date: headers.date ?? null,
          text,
        })
      }, fail)
    })
    outgoing.end(request.body ?? undefined)
  }).catch((error: unknown) => {
    throw connectionError(error)
  })
}

async function readAll(incoming: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new AgentError('ERR_CLOUD_ANSWER', `the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
  }
  return Buffer.concat(chunks).toString('utf8')
}
