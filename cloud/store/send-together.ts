/** Sends what is written in one turn of the event loop in one piece: a packet for each query costs more than the query. */
import type { Duplex } from 'node:stream'

/** Gives what to call before writing: the stream then holds back until those who are at work have written. */
export function sendTogether(stream: Duplex): () => void {
  let isHolding = false
  return () => {
    if (isHolding) return
    isHolding = true
    stream.cork()
    process.nextTick(() => {
      isHolding = false
      stream.uncork()
    })
  }
}
