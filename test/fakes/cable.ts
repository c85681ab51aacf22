import type { Failure } from '../../agent/failure.ts'
import type { Link, WiredNetworks } from '../../agent/ports.ts'

/** A cable in memory, which leads to the cloud while it is plugged in. */
export class FakeCable implements WiredNetworks {
  #isPlugged = false
  #onUnplug: (failure: Failure) => void = () => {}

  plug(): void {
    this.#isPlugged = true
  }

  unplug(): void {
    this.#isPlugged = false
    this.#onUnplug({ code: 'ERR_WIFI_LINK_LOST', detail: 'eth0 has no carrier', retryAfterMs: 0 })
  }

  async find(): Promise<Link | null> {
    return this.#isPlugged ? { bss: null, interfaceName: 'eth0', address: '192.0.2.9', captiveApi: null, eap: null } : null
  }

  lost(_: Link, signal: AbortSignal): Promise<Failure> {
    return new Promise((resolve, reject) => {
      this.#onUnplug = resolve
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}
