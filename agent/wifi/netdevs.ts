/** The kernel's network interfaces: which are radios, which addresses they have, and being told when that changes. */
import type { Failure } from '../failure.ts'
import type { InterfaceAddress } from './address-table.ts'

/** How wpa_supplicant has to drive an interface. */
export type Driver = 'nl80211' | 'wired'

/** An interface as the kernel has it; one that was unplugged comes back with another index. */
export type Netdev = { readonly driver: Driver; readonly index: number; readonly hasCarrier: boolean }

/** The network interfaces of the machine. */
export type Netdevs = {
  /** The interface; null where there is none of that name. */
  find(interfaceName: string): Promise<Netdev | null>
  /** The names of the radios. */
  radios(): Promise<readonly string[]>
  /** Begins to follow the addresses; ends once no change can be missed any more. */
  follow(): Promise<void>
  /** A mark in time for `addresses`. */
  now(): number
  /** The usable addresses, and whether each was announced since `mark`. */
  addresses(interfaceName: string, mark: number): readonly (Pick<InterfaceAddress, 'address'> & { readonly isFresh: boolean })[]
  /** Calls the listener after every change; the returned function ends it. */
  onChange(listener: () => void): () => void
  /** Why changes cannot be followed any more; null while they are. */
  broken(): Failure | null
  close(): void
}
