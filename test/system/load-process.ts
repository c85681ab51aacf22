/**
 * A process that loads the cloud with token requests: so many a second, whether they are answered or not, each over a
 * connection that is kept. It speaks HTTP by hand, since a client that did more would be slower than the cloud that it loads.
 */
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import { z } from 'zod'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../agent/contract/routes.ts'
import { assertionOf, temporaryCredential } from './cloud-device.ts'

const orderSchema = z.object({
  url: z.string(),
  caPem: z.string(),
  issuer: z.string(),
  account: z.string(),
  keyId: z.string(),
  provisioningKey: z.string(),
  /** Requests a second; null: as many as are answered. */
  perSecond: z.number().nullable().default(null),
  seconds: z.number(),
  connections: z.number(),
})

/** What to do. */
export type LoadOrder = z.infer<typeof orderSchema>

/** What became of it. Times are from when the request was due. */
export const loadReport = z.object({
  offered: z.number(),
  answers: z.record(z.string(), z.number()),
  withoutRetryAfter: z.number(),
  retryAfterS: z.array(z.number()),
  unanswered: z.number(),
  admittedP99Ms: z.number(),
  seconds: z.number(),
})

/** What became of it. */
export type LoadReport = z.infer<typeof loadReport>

type Answer = { readonly status: number; readonly retryAfterS: number | null }

/** One connection, with one request on it at a time. */
class Line {
  readonly #socket: TLSSocket
  #received = ''
  #answered: ((answer: Answer) => void) | null = null

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (part: string) => this.#receive(part))
  }

  static open(url: URL, secureContext: ReturnType<typeof createSecureContext>): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: url.hostname, port: Number(url.port), secureContext, servername: 'localhost' })
      socket.setNoDelay(true)
      socket.once('error', reject)
      socket.once('secureConnect', () => resolve(new Line(socket)))
    })
  }

  ask(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve
      this.#socket.once('close', () => reject(new Error('the connection was closed')))
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(part: string): void {
    this.#received += part
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    if (this.#received.length < end + 4 + length) return
    this.#received = this.#received.slice(end + 4 + length)
    const retryAfter = /^retry-after: (\d+)/im.exec(head)?.[1]
    const answered = this.#answered
    this.#answered = null
    this.#socket.removeAllListeners('close')
    answered?.({ status: Number(head.slice(9, 12)), retryAfterS: retryAfter === undefined ? null : Number(retryAfter) })
  }
}

/** Token requests that the cloud has not taken yet; one that it sent away may be sent again. */
class Requests {
  readonly #order: LoadOrder
  readonly #ready: string[] = []
  #made = 0

  constructor(order: LoadOrder) {
    this.#order = order
  }

  async prepare(count: number): Promise<void> {
    while (this.#ready.length < count) this.#ready.push(await this.#make())
  }

  async take(): Promise<string> {
    return this.#ready.pop() ?? (await this.#make())
  }

  putBack(request: string): void {
    this.#ready.push(request)
  }

  async #make(): Promise<string> {
    const { account, keyId, provisioningKey } = this.#order
    const name = { account, device: `load-${this.#made++ % 500}` }
    const credential = temporaryCredential(name, keyId, Buffer.from(provisioningKey, 'base64url'))
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER_ASSERTION,
      client_assertion: await assertionOf(this.#order, credential),
    }).toString()
    const head = [
      `POST ${ROUTES.token} HTTP/1.1`,
      'host: localhost',
      'content-type: application/x-www-form-urlencoded',
      `content-length: ${form.length}`,
    ]
    return `${head.join('\r\n')}\r\n\r\n${form}`
  }
}

async function load(order: LoadOrder): Promise<LoadReport> {
  const secureContext = createSecureContext({ ca: order.caPem })
  const free = await Promise.all(Array.from({ length: order.connections }, () => Line.open(new URL(order.url), secureContext)))
  const lines = [...free]
  const requests = new Requests(order)
  await requests.prepare(2000)
  const report: LoadReport = { offered: 0, answers: {}, withoutRetryAfter: 0, retryAfterS: [], unanswered: 0, admittedP99Ms: 0, seconds: 0 }
  const admittedMs: number[] = []
  const underWay = new Set<Promise<void>>()

  const askOnce = async (line: Line, dueMs: number): Promise<void> => {
    const request = await requests.take()
    report.offered += 1
    try {
      const { status, retryAfterS } = await line.ask(request)
      report.answers[status] = (report.answers[status] ?? 0) + 1
      if (status === 200) admittedMs.push(performance.now() - dueMs)
      else {
        requests.putBack(request)
        if (retryAfterS === null) report.withoutRetryAfter += 1
        else report.retryAfterS.push(retryAfterS)
      }
      free.push(line)
    } catch {
      report.unanswered += 1
    }
  }

  const startedMs = performance.now()
  const endMs = startedMs + order.seconds * 1000
  let due = 0
  for (let nowMs = startedMs; nowMs < endMs; nowMs = performance.now()) {
    const dueByNow = order.perSecond === null ? Number.POSITIVE_INFINITY : ((nowMs - startedMs) / 1000) * order.perSecond
    while (due < dueByNow) {
      const line = free.pop()
      if (line === undefined) break
      due += 1
      const asking = askOnce(line, nowMs).finally(() => underWay.delete(asking))
      underWay.add(asking)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  report.seconds = (performance.now() - startedMs) / 1000
  const overdue = new Promise((resolve) => setTimeout(resolve, 20_000, 'overdue').unref())
  if ((await Promise.race([Promise.all(underWay), overdue])) === 'overdue') report.unanswered += underWay.size
  for (const line of lines) line.close()
  report.admittedP99Ms = admittedMs.sort((a, b) => a - b)[Math.floor(admittedMs.length * 0.99)] ?? 0
  report.retryAfterS = [...new Set(report.retryAfterS)].sort((a, b) => a - b)
  return report
}

async function main(): Promise<void> {
  let text = ''
  for await (const part of process.stdin.setEncoding('utf8')) text += part
  process.stdout.write(JSON.stringify(await load(orderSchema.parse(JSON.parse(text)))))
}

if (process.argv[1] === import.meta.filename) void main()
