/** How an event is told on the terminal: one line with the time since the story began and the time the step took. */
import { isObject } from '../../agent/contract/parsed.ts'
import { fieldText, type LogEvent } from './agent-log.ts'

/** Writes one line. */
export type Say = (line: string) => void

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

/** A teller whose clock starts now; `say` gets finished lines. */
export function createTeller(say: Say): {
  readonly line: (who: string, text: string, tookMs?: number) => void
  readonly elapsedMs: () => number
} {
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  const line = (who: string, text: string, tookMs?: number): void => {
    const took = tookMs === undefined ? '' : `  (${seconds(tookMs)})`
    say(`${seconds(elapsedMs()).padStart(9)}  ${who.padEnd(7)}  ${text}${took}`)
  }
  return { line, elapsedMs }
}

function tellScan({ fields }: LogEvent): string {
  const bsss = Array.isArray(fields.bsss) ? fields.bsss : []
  const seen = bsss.filter(isObject).map((bss) => `${fieldText(bss, 'bssid')} at ${fieldText(bss, 'signalDbm')} dBm`)
  return `scanned: ${bsss.length} BSS${bsss.length === 1 ? '' : 's'} of a hotspot in the CA config (${seen.join(', ')})`
}

function tellJoin({ fields }: LogEvent): string {
  const eap = `${fieldText(fields, 'eap', 'method')}, server ${fieldText(fields, 'eap', 'serverSubject')}, CA and name checked`
  return `joined ${fieldText(fields, 'hotspot')} at ${fieldText(fields, 'bssid')}: ${eap}, address ${fieldText(fields, 'address')}`
}

/** What an event of the agent says in the story. */
export function tellEvent(event: LogEvent): string {
  switch (event.event) {
    case 'scanned':
      return tellScan(event)
    case 'joined':
      return tellJoin(event)
    case 'authenticated':
      return `Cloud API token, scope ${fieldText(event.fields, 'scope')}`
    case 'issued':
      return `${event.text}: ${fieldText(event.fields, 'credential')}`
    case 'stored':
      return 'stored durably, pending; now the same way again with it'
    case 'promoted':
      return 'proved by the whole way and promoted'
    default:
      return event.text
  }
}
