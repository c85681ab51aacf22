/** Asks the cloud over one connection that is kept, and takes the time. */
import { Agent, request } from 'node:https'
import type { Site } from '../cloud/site.ts'

/** A POST request. */
export type Request = { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** Its answer, and how long it took. */
export type Answer = { readonly status: number; readonly text: string; readonly tookMs: number }

/** Asks. */
export type Asker = (asked: Request) => Promise<Answer>

/** Opens the connection for the time of a call. */
export async function withAsker<T>(site: Site, use: (ask: Asker) => Promise<T>): Promise<T> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: site.access.caPem })
  const ask: Asker = ({ path, headers, body }) =>
    new Promise((resolve, reject) => {
      const length = { 'content-length': String(Buffer.byteLength(body)) }
      const call = request(new URL(path, site.access.url), { method: 'POST', agent, headers: { ...headers, ...length } }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, tookMs: performance.now() - askedMs }))
      })
      call.on('error', reject)
      const askedMs = performance.now()
      call.end(body)
    })
  try {
    return await use(ask)
  } finally {
    agent.destroy()
  }
}
