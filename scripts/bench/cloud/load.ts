/** A load: as many lanes as there are devices at a time, and requests that are made beforehand. */
import { createSecureContext } from 'node:tls'
import { type Answer, Lane, type Server } from './lane.ts'

/** What a drive of requests came to; answers in the order of the requests. */
export type Drive = { readonly tookMs: number; readonly answers: readonly Answer[] }

/** Connections to one server. */
export class Load {
  readonly #lanes: readonly Lane[]

  private constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes
  }

  /** Opens that many connections to a server on this machine, whose certificate is from this CA. */
  static async open(port: number, caPem: string, lanes: number): Promise<Load> {
    const server: Server = { port, serverName: 'localhost', trust: createSecureContext({ ca: caPem }) }
    return new Load(await Promise.all(Array.from({ length: lanes }, () => Lane.open(server))))
  }

  /** Sends all requests, each as soon as a lane is free. */
  async drive(requests: readonly Buffer[]): Promise<Drive> {
    const answers: Answer[] = new Array(requests.length)
    const left = requests.entries()
    const startMs = performance.now()
    // The lanes share one iterator: each takes the next request that nobody took.
    await Promise.all(
      this.#lanes.map(async (lane) => {
        for (const [index, request] of left) answers[index] = await lane.ask(request)
      }),
    )
    return { tookMs: performance.now() - startMs, answers }
  }

  /** Ends the connections. */
  close(): void {
    for (const lane of this.#lanes) lane.close()
  }
}
