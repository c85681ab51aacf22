/**
 * The one door to dbus-next. The library leaves calls pending for ever when the bus dies and has no event for its end;
 * here every call has a deadline, and `closed` tells of the end.
 */
import createConnection, { type Connection, type WireMessage } from 'dbus-next/lib/connection.js'
import variantModule from 'dbus-next/lib/variant.js'
import { AgentError } from '../failure.ts'
import type { Log } from '../log.ts'

const METHOD_CALL = 1
const METHOD_RETURN = 2
const ERROR = 3
const SIGNAL = 4
const CALL_TIMEOUT_MS = 10_000

const DAEMON = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' } as const

/** A call to an object on the bus. */
export type MethodCall = {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
}

/** Which signals are wanted; `sender` is a unique name, so that nobody else on the bus can pretend to be the peer. */
export type SignalMatch = {
  readonly sender: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly arg0?: string
}

/** What a peer answered in place of a result. */
export class RemoteError extends Error {
  readonly errorName: string

  constructor(errorName: string, text: string) {
    super(text === '' ? errorName : `${errorName}: ${text}`)
    this.name = 'RemoteError'
    this.errorName = errorName
  }
}

/** A typed value for a place where the signature says `v`. */
export const variant = (signature: string, value: unknown): unknown => new variantModule.Variant(signature, value)

type Pending = { readonly settle: (outcome: readonly unknown[] | Error) => void }

/** A connection to a message bus. */
export class Bus {
  /** Ends with the reason when the connection is gone; nothing can be done with the bus from then on. */
  readonly closed: Promise<Error>
  readonly #connection: Connection
  readonly #log: Log
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(message: WireMessage) => void>()
  #announceClosed: (reason: Error) => void = () => {}
  #closedBy: Error | null = null
  #serial = 0

  /** Use `connectBus`, which also says Hello. */
  constructor(address: string, log: Log) {
    this.#log = log
    this.closed = new Promise((resolve) => {
      this.#announceClosed = resolve
    })
    this.#connection = createConnection({ busAddress: withoutNativeSocket(address), authMethods: ['EXTERNAL'] })
    this.#connection.on('message', (message) => this.#receive(message))
    this.#connection.on('error', (error) => this.#onError(error))
    this.#connection.stream.on('close', () => this.#end(new Error('the connection to the bus was closed')))
    this.#connection.stream.on('end', () => this.#end(new Error('the bus closed the connection')))
  }

  /** Calls a method; rejects with RemoteError for an error reply, AgentError without one, the signal's reason on abort. */
  call(call: MethodCall, signal: AbortSignal, timeoutMs = CALL_TIMEOUT_MS): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (this.#closedBy !== null) return reject(busError('is gone', this.#closedBy))
      const serial = this.#nextSerial()
      const settle = (outcome: readonly unknown[] | Error): void => {
        this.#pending.delete(serial)
        clearTimeout(deadline)
        signal.removeEventListener('abort', onAbort)
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
      const onAbort = (): void => settle(asError(signal.reason))
      const deadline = setTimeout(() => settle(busError(`gave no answer to ${call.member} within ${timeoutMs} ms`, null)), timeoutMs)
      signal.addEventListener('abort', onAbort)
      this.#pending.set(serial, { settle })
      this.#send({ ...call, type: METHOD_CALL, flags: 0, serial, signature: call.signature ?? '', body: call.body ?? [] })
    })
  }

  /** Delivers matching signals from now on, in their order; the returned function ends it. A bus that refuses the rule is given up. */
  subscribe(match: SignalMatch, listener: (body: readonly unknown[]) => void): () => void {
    const receive = (message: WireMessage): void => {
      if (message.type === SIGNAL && isMatch(message, match)) listener(message.body.map(plain))
    }
    this.#listeners.add(receive)
    const rule = ruleText(match)
    this.#tellDaemon('AddMatch', rule)
    return () => {
      if (this.#listeners.delete(receive)) this.#tellDaemon('RemoveMatch', rule)
    }
  }

  /** Gives the connection up. */
  close(): void {
    this.#connection.stream.destroy()
    this.#end(new Error('the agent closed the connection'))
  }

  #tellDaemon(member: 'AddMatch' | 'RemoveMatch', rule: string): void {
    if (this.#closedBy !== null) return
    const call = this.call({ ...DAEMON, member, signature: 's', body: [rule] }, new AbortController().signal)
    call.catch((error: unknown) => {
      if (this.#closedBy !== null) return
      this.#log.error({ rule }, `the bus refused ${member}`)
      this.#connection.stream.destroy()
      this.#end(asError(error))
    })
  }

  #nextSerial(): number {
    this.#serial = this.#serial >= 0xffffffff ? 1 : this.#serial + 1
    return this.#serial
  }

  #send(message: WireMessage): void {
    try {
      this.#connection.message(message)
    } catch (error) {
      this.#pending.get(message.serial)?.settle(busError(`could not be given ${message.member ?? 'a message'}`, error))
    }
  }

  #receive(message: WireMessage): void {
    switch (message.type) {
      case METHOD_RETURN:
        this.#pending.get(message.replySerial ?? 0)?.settle(message.body.map(plain))
        return
      case ERROR:
        this.#pending.get(message.replySerial ?? 0)?.settle(new RemoteError(message.errorName ?? 'unknown', firstText(message.body)))
        return
      case SIGNAL:
        for (const listener of [...this.#listeners]) listener(message)
        return
      case METHOD_CALL:
        this.#refuse(message)
    }
  }

  /** The agent offers no objects here; without an answer the caller would wait for its timeout. */
  #refuse(message: WireMessage): void {
    if (message.sender === undefined) return
    const errorName = 'org.freedesktop.DBus.Error.UnknownMethod'
    const reply = { destination: message.sender, replySerial: message.serial, errorName, signature: 's', body: ['no such method'] }
    this.#send({ ...reply, type: ERROR, flags: 0, serial: this.#nextSerial() })
  }

  /** dbus-next reports a message that it cannot parse the same way as a dead stream: only the stream tells them apart. */
  #onError(error: unknown): void {
    if (this.#connection.stream.writable && !this.#connection.stream.destroyed) {
      this.#log.warn({ reason: asError(error).message }, 'a message on the bus could not be read')
      return
    }
    this.#end(asError(error))
  }

  #end(reason: Error): void {
    if (this.#closedBy !== null) return
    this.#closedBy = reason
    for (const { settle } of [...this.#pending.values()]) settle(busError('is gone', reason))
    this.#listeners.clear()
    this.#announceClosed(reason)
  }
}

/** Where the system bus listens (D-Bus specification, "Well-known Message Bus Instances"). */
export const systemBusAddress = (environment: NodeJS.ProcessEnv): string =>
  environment.DBUS_SYSTEM_BUS_ADDRESS ?? 'unix:path=/var/run/dbus/system_bus_socket'

/** Connects and says Hello. */
export async function connectBus(address: string, log: Log, signal: AbortSignal): Promise<Bus> {
  const bus = new Bus(address, log)
  try {
    await bus.call({ ...DAEMON, member: 'Hello' }, signal)
    return bus
  } catch (error) {
    bus.close()
    throw error
  }
}

/** `unix:socket=` makes dbus-next use node:net; `unix:path=` makes it look for the native module usocket first. */
const withoutNativeSocket = (address: string): string => address.replaceAll('unix:path=', 'unix:socket=')

const busError = (what: string, cause: unknown): AgentError =>
  new AgentError('ERR_WIFI_BUS', `the message bus ${what}${cause instanceof Error ? ` (${cause.message})` : ''}`, { cause })

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

const firstText = (body: readonly unknown[]): string => (typeof body[0] === 'string' ? body[0] : '')

const isMatch = (message: WireMessage, match: SignalMatch): boolean =>
  message.sender === match.sender &&
  message.path === match.path &&
  message.interface === match.interface &&
  message.member === match.member &&
  (match.arg0 === undefined || message.body[0] === match.arg0)

function ruleText({ arg0, ...match }: SignalMatch): string {
  const keys = Object.entries({ type: 'signal', ...match, ...(arg0 === undefined ? {} : { arg0 }) })
  return keys.map(([key, value]) => `${key}='${value}'`).join(',')
}

/** Takes variants off, so that a body is made of plain values. */
function plain(value: unknown): unknown {
  if (value instanceof variantModule.Variant) return plain(value.value)
  if (Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plain(held)]))
  return value
}
