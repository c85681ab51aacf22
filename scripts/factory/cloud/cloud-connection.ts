/** Calls the Cloud API as an operator. What may go well a moment later is tried again; every call here may be repeated. */
import { Agent, request } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { parseProblem } from '../../../agent/contract/problems.ts'
import { InputError } from '../inputs.ts'
import { InterruptedError } from '../outcome.ts'
import type { CloudAccess } from './client-file.ts'
import { CloudError } from './cloud-error.ts'

const TIMEOUT_MS = 60_000
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
const ATTEMPTS = 8

type Answer = { readonly status: number; readonly text: string; readonly retryAfterMs: number | null }

/** An open way to the Cloud API. */
export class CloudConnection {
  readonly #access: CloudAccess
  readonly #signal: AbortSignal
  readonly #tell: (line: string) => void
  readonly #agent = new Agent({ keepAlive: true })

  /** `tell` gets a line for each call that has to wait. */
  constructor(access: CloudAccess, signal: AbortSignal, tell: (line: string) => void) {
    this.#access = access
    this.#signal = signal
    this.#tell = tell
  }

  /** The answer to a call. An InputError says why there will be none; a CloudError, that there may be one later. */
  async call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const text = body === undefined ? null : JSON.stringify(body)
    for (let attempt = 1; ; attempt += 1) {
      if (this.#signal.aborted) throw new InterruptedError()
      const answer = await this.#send(method, path, text).catch(reasonOf)
      if (typeof answer !== 'string' && answer.status < 300) return parseAnswer(answer.text)
      const problem = typeof answer === 'string' ? answer : this.#problemOf(answer)
      if (attempt === 1) this.#tell(`${this.#access.url}: ${problem}; trying again`)
      if (attempt === ATTEMPTS) throw new CloudError(`${this.#access.url}: ${problem}; the same command goes on`)
      const backoffMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS)
      await this.#wait(typeof answer === 'string' || answer.retryAfterMs === null ? backoffMs : answer.retryAfterMs)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  /** What to say while it is tried again; what another attempt does not mend throws. */
  #problemOf({ status, text }: Answer): string {
    const problem = parseProblem(parseAnswer(text))
    const detail = problem.ok ? problem.value.detail : `it answers ${status}`
    if (status === 429 || status >= 500) return detail
    const { file, url } = this.#access
    throw new InputError(status === 401 || status === 403 ? `${file}: operatorKey: ${detail}` : `${url}: ${detail}`)
  }

  async #wait(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#signal }).catch(() => {
      throw new InterruptedError()
    })
  }

  #send(method: string, path: string, body: string | null): Promise<Answer> {
    const { url, ca, operatorKey, serverName } = this.#access
    const headers = { authorization: `Bearer ${operatorKey}`, ...(body === null ? {} : { 'content-type': 'application/json' }) }
    const name = serverName === null ? {} : { servername: serverName }
    return new Promise((resolve, reject) => {
      const call = request(new URL(path, url), { method, ca, headers, agent: this.#agent, timeout: TIMEOUT_MS, ...name }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => {
          const retryAfter = /^[0-9]{1,6}$/.exec(response.headers['retry-after'] ?? '')
          resolve({ status: response.statusCode ?? 0, text, retryAfterMs: retryAfter === null ? null : Number(retryAfter[0]) * 1000 })
        })
      })
      call.on('timeout', () => call.destroy(new Error('no answer in time')))
      call.on('error', reject)
      call.end(body ?? undefined)
    })
  }
}

const reasonOf = (error: unknown): string => `cannot be reached (${error instanceof Error ? error.message : String(error)})`

function parseAnswer(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return null
  }
}
