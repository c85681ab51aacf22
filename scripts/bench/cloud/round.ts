/** A round of first connections in waves: in each wave some devices ask for their first token, some for the swap, some prove their secret. */

import { type HeldSecret, issuedSecret, type Line, newDevices, swapRequest, tokenRequest } from './fleet.ts'
import type { Answer } from './lane.ts'
import type { Drive, Load } from './load.ts'

/** Devices in a wave for each of the three requests, and waves that count; two more fill the pipe and do not. */
export type RoundSize = { readonly devices: number; readonly waves: number }

/** What a round came to, its requests for whoever is to be measured with the same, and the permanent secrets that were proved in it. */
export type Round = {
  readonly firstConnections: number
  readonly tookMs: number
  readonly requests: readonly (readonly Buffer[])[]
  readonly proven: readonly HeldSecret[]
}

/** First connections per second. */
export const rateOf = ({ firstConnections, tookMs }: Pick<Round, 'firstConnections' | 'tookMs'>): number =>
  (firstConnections / tookMs) * 1000

type OnTheWay = { readonly held: HeldSecret; readonly request: Buffer }

/** Walks new devices through their first connection; `batch` is in their ids. */
export async function walkRound(load: Load, line: Line, batch: string, { devices, waves }: RoundSize): Promise<Round> {
  let swapping: readonly OnTheWay[] = []
  let proving: readonly OnTheWay[] = []
  let tookMs = 0
  const requests: Buffer[][] = []
  const proven: HeldSecret[] = []
  for (let wave = 0; wave < waves + 2; wave += 1) {
    const asking = await withTokenRequests(line, newDevices(line, `${batch}-${wave}`, devices))
    const mixed = asking.flatMap((each, index) => [each, swapping[index] ?? [], proving[index] ?? []].flat())
    const drive = await load.drive(mixed.map(({ request }) => request))
    const answerOf = answersBy(mixed, drive)
    if (wave >= 2) {
      tookMs += drive.tookMs
      requests.push(mixed.map(({ request }) => request))
    }
    proven.push(...proving.map(({ held }) => held))
    proving = await withTokenRequests(
      line,
      swapping.map((each) => issuedSecret(each.held, answerOf(each))),
    )
    swapping = asking.map((each) => ({ held: each.held, request: swapRequest(answerOf(each)) }))
  }
  return { firstConnections: devices * waves, tookMs, requests, proven }
}

const withTokenRequests = (line: Line, credentials: readonly HeldSecret[]): Promise<readonly OnTheWay[]> =>
  Promise.all(credentials.map(async (held) => ({ held, request: await tokenRequest(line, held) })))

/** Finds the answer to a request; one that is no success ends the measurement. */
function answersBy(asked: readonly OnTheWay[], { answers }: Drive): (each: OnTheWay) => Answer {
  const bad = answers.find(({ status }) => status !== 200 && status !== 201)
  if (bad !== undefined) throw new Error(`a first connection failed: ${bad.status} ${bad.body}`)
  const byRequest = new Map(asked.map((each, index) => [each, answers[index]]))
  return (each) => byRequest.get(each) ?? { status: 0, retryAfterS: 0, body: '' }
}

/** Sends the requests of a round to somebody else, wave by wave. */
export async function repeatRound(load: Load, { requests, firstConnections }: Round): Promise<Pick<Round, 'firstConnections' | 'tookMs'>> {
  let tookMs = 0
  for (const wave of requests) tookMs += (await load.drive(wave)).tookMs
  return { firstConnections, tookMs }
}
