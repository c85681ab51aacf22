/** The addresses of the network interfaces, from the lines of `ip -o address show` and `ip -o monitor address`. */

/** An address; `age` grows with every line read, so an address announced since some moment can be told from one kept from before. */
export type InterfaceAddress = { readonly address: string; readonly isUsable: boolean; readonly age: number }

/** A line about an address. */
export type AddressLine = {
  readonly interfaceName: string
  readonly address: string
  readonly isUsable: boolean
  readonly isDeleted: boolean
}

const LINE = /^(Deleted )?\d+: ([^\s:@]+)(?:@\S+)?:?\s+inet6? ([0-9a-fA-F.:]+)(?:\/\d+)?(?: peer \S+)?(.*)$/

/** An address that duplicate address detection has not passed yet, or has refused, reaches nobody; a deprecated one is on its way out. */
const UNUSABLE_FLAG = /\b(tentative|dadfailed|deprecated)\b/

/** Reads one line; null for a line about something else. */
export function parseAddressLine(line: string): AddressLine | null {
  const [, deleted, interfaceName, address, rest] = LINE.exec(line) ?? []
  if (interfaceName === undefined || address === undefined || rest === undefined) return null
  // IPv4 link-local (RFC 3927) has "scope link" too where the system's DHCP client assigned it; not everyone's does.
  const isGlobal = /\bscope (global|site)\b/.test(rest) && !address.startsWith('169.254.')
  return { interfaceName, address, isUsable: isGlobal && !UNUSABLE_FLAG.test(rest), isDeleted: deleted !== undefined }
}

/** All of them. */
export class AddressTable {
  readonly #interfaces = new Map<string, Map<string, InterfaceAddress>>()
  #age = 0

  /** The age that the next announced address will exceed. */
  get age(): number {
    return this.#age
  }

  /** Forgets them all, but not the age. */
  clear(): void {
    this.#interfaces.clear()
  }

  /** Takes a line in; a line about something else changes nothing. */
  read(line: string): void {
    const parsed = parseAddressLine(line)
    if (parsed === null) return
    const addresses = this.#interfaces.get(parsed.interfaceName) ?? new Map<string, InterfaceAddress>()
    this.#interfaces.set(parsed.interfaceName, addresses)
    this.#age += 1
    if (parsed.isDeleted) addresses.delete(parsed.address)
    else addresses.set(parsed.address, { address: parsed.address, isUsable: parsed.isUsable, age: this.#age })
  }

  /** The usable addresses of an interface, the oldest first. */
  usable(interfaceName: string): readonly InterfaceAddress[] {
    return [...(this.#interfaces.get(interfaceName)?.values() ?? [])].filter(({ isUsable }) => isUsable).sort((a, b) => a.age - b.age)
  }
}
