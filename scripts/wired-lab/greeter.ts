/**
 * Makes the hotspot notice the device at once. A switch sees the link come up and sends the first EAP request; on a veth that is
 * always up hostapd waits for the device, which waits two seconds for hostapd. The greeter looks at the bus for the moment.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const MATCH = "type='signal',interface='fi.w1.wpa_supplicant1.Interface',member='NetworkSelected'"

/** A running greeter. */
export type Greeter = { stop(): Promise<void> }

/** Calls `greet` each time that wpa_supplicant selects a network. */
export async function startGreeter(busAddress: string, greet: () => void): Promise<Greeter> {
  const child = spawn('dbus-monitor', ['--address', busAddress, '--profile', MATCH], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      resolve()
      if (line.includes('NetworkSelected')) greet()
    })
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await Promise.race([ready, ended])
  return {
    stop: async () => {
      child.kill()
      await ended
    },
  }
}
