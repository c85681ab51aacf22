/** What a hotspot offers behind its port: addresses and names by dnsmasq, and a walled garden by nftables. */
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { HOTSPOT_IPV4, HOTSPOT_IPV6, type Wire } from './wire.ts'

/** What its DHCP says of a captive-portal API (RFC 8910). */
export const CAPTIVE_API = 'https://portal.zipkey.test/api'

/** IPv4 leases, or IPv6 by router advertisement and nothing else. */
export type Addressing = 'ipv4' | 'ipv6-only'

/** Starts dnsmasq; each name in `hosts` resolves to the hotspot itself, every other name to nothing. */
export function startDhcp(folder: string, wire: Wire, addressing: Addressing, hosts: readonly string[]): Promise<Daemon> {
  const ranges =
    addressing === 'ipv4'
      ? ['--dhcp-range=10.77.0.10,10.77.0.99,1h', `--dhcp-option=114,${CAPTIVE_API}`]
      : ['--enable-ra', '--dhcp-range=fd77::,ra-only']
  const address = addressing === 'ipv4' ? HOTSPOT_IPV4 : HOTSPOT_IPV6
  const names = hosts.map((host) => `--address=/${host}/${address}`)
  const files = ['--conf-file=/dev/null', '--pid-file', `--dhcp-leasefile=${join(folder, 'leases')}`, '--no-hosts', '--no-resolv']
  const parameters = ['--keep-in-foreground', '--log-facility=-', '--log-dhcp', '--user=root', '--bind-interfaces', '--dhcp-authoritative']
  const command = ['dnsmasq', `--interface=${wire.interfaceName}`, ...parameters, '--no-ping', ...files, ...ranges, ...names] as const
  return startDaemon({ command, namespace: wire.hotspotNamespace, logFile: join(folder, 'dnsmasq.log'), readyText: 'started, version' })
}

/** Lets the device reach DHCP, DNS and one TCP port, the Cloud API's, and nothing else of the hotspot. */
export async function raiseGarden(wire: Wire, cloudPort: number): Promise<void> {
  const port = `iifname "${wire.interfaceName}"`
  const allowed = ['udp dport { 53, 67, 547 }', `tcp dport { 53, ${cloudPort} }`, 'ip protocol icmp', 'meta l4proto ipv6-icmp']
  const rules = allowed.map((match) => `${port} ${match} accept`).join('\n')
  const rest = `${port} counter drop`
  const ruleset = `table inet garden {\nchain input {\ntype filter hook input priority 0;\n${rules}\n${rest}\n}\n}`
  await runProgram('ip', ['netns', 'exec', wire.hotspotNamespace, 'nft', ruleset])
}
