import { AgentError } from '../../agent/failure.ts'
import type { Link, LoginPages } from '../../agent/ports.ts'

/** Login pages in memory: those hotspots have one that nobody can pass, by their BSSIDs. */
export class FakeLoginPages implements LoginPages {
  readonly behindPage = new Set<string>()

  async pass({ bss }: Link, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.behindPage.has(bss?.bssid ?? '')) throw new AgentError('ERR_WIFI_LOGIN_PAGE', 'a login page that only a person can pass')
  }
}
