/** Two network namespaces with a wire between them: the device, and the port of the hotspot that it is plugged into. */
import { randomBytes } from 'node:crypto'
import { runProgram } from '../run-program.ts'

/** The names; the interface has the same name at both ends. */
export type Wire = {
  readonly deviceNamespace: string
  readonly hotspotNamespace: string
  readonly interfaceName: string
  readonly deviceMac: string
}

/** Addresses on the hotspot's side. */
export const HOTSPOT_IPV4 = '10.77.0.1'
/** The same for IPv6. */
export const HOTSPOT_IPV6 = 'fd77::1'

const INTERFACE = 'port0'

/** Makes both namespaces under names that no other laboratory has. */
export async function layWire(): Promise<Wire> {
  const id = randomBytes(3).toString('hex')
  const wire = { deviceNamespace: `zkdev-${id}`, hotspotNamespace: `zkap-${id}`, interfaceName: INTERFACE, deviceMac: deviceMac() }
  const { deviceNamespace: device, hotspotNamespace: hotspot } = wire
  for (const name of [device, hotspot]) await runProgram('ip', ['netns', 'add', name])
  const ends = ['name', INTERFACE, 'netns', device, 'address', wire.deviceMac, 'type', 'veth', 'peer', 'name', INTERFACE, 'netns', hotspot]
  await runProgram('ip', ['link', 'add', ...ends])
  for (const name of [device, hotspot]) {
    await runProgram('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    await runProgram('ip', ['-n', name, 'link', 'set', INTERFACE, 'up'])
  }
  await runProgram('ip', ['-n', hotspot, 'address', 'add', `${HOTSPOT_IPV4}/24`, 'dev', INTERFACE])
  await runProgram('ip', ['-n', hotspot, 'address', 'add', `${HOTSPOT_IPV6}/64`, 'dev', INTERFACE, 'nodad'])
  return wire
}

/** Takes the namespaces away, the wire with them, and whatever a test has left running there. */
export async function removeWire(wire: Wire): Promise<void> {
  for (const name of [wire.deviceNamespace, wire.hotspotNamespace]) {
    for (const pid of (await runProgram('ip', ['netns', 'pids', name])).split('\n').filter(Boolean)) kill(Number(pid))
    await runProgram('ip', ['netns', 'delete', name])
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** A locally administered address. */
const deviceMac = (): string => `02:${[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`
