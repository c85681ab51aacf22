/** `zipkey-cloud` as a client of the Cloud API: where it is, whom to trust, and the operator's key, all from files. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { parseProblem } from '../../agent/contract/problems.ts'
import { readPrivateFile } from '../data-folder.ts'

/** What went wrong, in one line for the terminal. */
export class CommandError extends Error {}

const clientSchema = z.strictObject({
  url: z.url({ protocol: /^https$/ }),
  /** The CA (PEM) that issued the cloud's certificate. */
  ca: z.string(),
  /** The file that holds the operator key. */
  operatorKey: z.string(),
  /** The name in the certificate, where it is not the one in the URL. */
  serverName: z.string().optional(),
})

/** An open way to the Cloud API. */
export type ApiClient = {
  /** Calls the API and reads its answer; a problem, or an answer of another form, is a CommandError. */
  readonly call: <T>(method: 'GET' | 'POST', path: string, answer: z.ZodType<T>, body?: unknown) => Promise<T>
}

const TIMEOUT_MS = 60_000

/** Opens the way that a client file describes; file names in it are relative to it. `at` is another URL of the same cloud. */
export async function openApiClient(clientFile: string, at: string | null = null): Promise<ApiClient> {
  const text = await readFile(clientFile, 'utf8').catch(() => {
    throw new CommandError(`${clientFile} is not there: name the client file with --client or ZIPKEY_CLOUD_CLIENT`)
  })
  const parsed = clientSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new CommandError(`${clientFile} is not a client file: ${parsed.error.issues[0]?.message ?? ''}`)
  const { url, serverName } = parsed.data
  const folder = dirname(resolve(clientFile))
  const ca = await readFile(resolve(folder, parsed.data.ca), 'utf8')
  const operatorKey = (await readPrivateFile(resolve(folder, parsed.data.operatorKey))).trim()
  const target = { base: at ?? url, ca, operatorKey, servername: serverName }
  return { call: async (method, path, answer, body) => readAnswer(await send(target, method, path, body), answer) }
}

type Target = { readonly base: string; readonly ca: string; readonly operatorKey: string; readonly servername: string | undefined }
type Answer = { readonly status: number; readonly text: string }

function send({ base, ca, operatorKey, servername }: Target, method: string, path: string, body: unknown): Promise<Answer> {
  const headers = { authorization: `Bearer ${operatorKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
  const options = { method, ca, headers, timeout: TIMEOUT_MS, ...(servername === undefined ? {} : { servername }) }
  return new Promise((done, failed) => {
    const call = request(new URL(path, base), options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => done({ status: response.statusCode ?? 0, text }))
      response.on('error', failed)
    })
    call.on('timeout', () => call.destroy(new Error('no answer in time')))
    call.on('error', (error) => failed(new CommandError(`the Cloud API at ${base} cannot be reached: ${error.message}`)))
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function readAnswer<T>({ status, text }: Answer, answer: z.ZodType<T>): T {
  const body: unknown = text === '' ? null : JSON.parse(text)
  if (status < 200 || status > 299) {
    const problem = parseProblem(body)
    throw new CommandError(problem.ok ? `${problem.value.type}: ${problem.value.detail}` : `the Cloud API answered ${status}`)
  }
  const parsed = answer.safeParse(body)
  if (!parsed.success) throw new CommandError('the Cloud API gave an answer that this version does not know')
  return parsed.data
}
