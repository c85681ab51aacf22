/**
 * The two inner modules of dbus-next that the agent loads. The package's front door also loads its introspection and its XML parser,
 * which wpa_supplicant does not need and a start-up on a small device can feel (a third of the code).
 */
declare module 'dbus-next/lib/connection.js' {
  import type { EventEmitter } from 'node:events'
  import type { Duplex } from 'node:stream'

  export type WireMessage = {
    readonly type: number
    readonly serial: number
    readonly flags: number
    readonly destination?: string
    readonly sender?: string
    readonly path?: string
    readonly interface?: string
    readonly member?: string
    readonly errorName?: string
    readonly replySerial?: number
    readonly signature: string
    readonly body: readonly unknown[]
  }

  export type Connection = EventEmitter<{ message: [WireMessage]; error: [unknown]; end: []; connect: [] }> & {
    readonly stream: Duplex
    message(message: WireMessage): void
  }

  export default function createConnection(options: { readonly busAddress: string; readonly authMethods: readonly string[] }): Connection
}

declare module 'dbus-next/lib/variant.js' {
  class Variant {
    constructor(signature: string, value: unknown)
    readonly signature: string
    readonly value: unknown
  }
  const module: { readonly Variant: typeof Variant }
  export default module
}
