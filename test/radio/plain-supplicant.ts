import type { Lab } from '../../scripts/radio-lab/lab.ts'

/** What the device's owner would type into a configuration of wpa_supplicant. */
export type PlainJoin = { identity: string; password: string; phase2?: 'PAP' | 'MSCHAPV2'; frequencyMhz?: number; serverName?: string }

/** How a join by wpa_supplicant ended: its last state and what it logged. */
export type PlainJoined = { state: string; log: string }

/** Joins the hotspot by a wpa_supplicant of its own, without D-Bus and without the agent: these tests are about the lab. */
export const joinPlainly = (lab: Lab, join: PlainJoin): Promise<PlainJoined> =>
  runSupplicant(lab, [
    'eap=TTLS',
    `identity="${join.identity}"`,
    'anonymous_identity="anonymous@acme.zipkey.test"',
    `password="${join.password}"`,
    `phase2="auth=${join.phase2 ?? 'MSCHAPV2'}"`,
    `domain_match="${join.serverName ?? 'aaa.zipkey.test'}"`,
    `scan_freq=${join.frequencyMhz ?? 2412}`,
  ])

/** The same by EAP-TLS, with a certificate and its key as PEM. */
export async function joinByCertificate(lab: Lab, certificatePem: string, keyPem: string): Promise<PlainJoined> {
  await lab.sh(`cat > /run/plain.pem <<'END'\n${certificatePem}END\ncat > /run/plain.key <<'END'\n${keyPem}END`)
  const files = ['client_cert="/run/plain.pem"', 'private_key="/run/plain.key"']
  const about = ['identity="anonymous@acme.zipkey.test"', 'domain_match="aaa.zipkey.test"', 'scan_freq=2412']
  return runSupplicant(lab, ['eap=TLS', ...files, ...about])
}

async function runSupplicant(lab: Lab, lines: readonly string[]): Promise<PlainJoined> {
  const network = ['ssid="ZipKey"', 'key_mgmt=WPA-EAP', 'ieee80211w=2', 'ca_cert="/etc/hotspot/pki/aaa-ca.pem"', ...lines]
  await lab.sh(`cat > /run/plain.conf <<'END'
ctrl_interface=/run/plain
network={
${network.map((line) => `  ${line}`).join('\n')}
}
END
wpa_supplicant -B -i wlan0 -D nl80211 -c /run/plain.conf -f /run/plain.log -P /run/plain.pid`)
  const ended = "grep -Eq 'CTRL-EVENT-CONNECTED|CTRL-EVENT-EAP-FAILURE|reason=23' /run/plain.log"
  await lab.trySh(`for i in {1..150}; do ${ended} && break; sleep 0.1; done`)
  const status = await lab.sh('wpa_cli -p /run/plain -i wlan0 status')
  return { state: /wpa_state=(\w+)/.exec(status)?.[1] ?? '', log: `${await lab.sh('cat /run/plain.log')}\n${status}` }
}

/** Waits for systemd-networkd to get an address for the radio. */
export async function addressOfRadio(lab: Lab): Promise<string> {
  const address = "ip -4 -oneline address show dev wlan0 | grep -o '10[.]8[.]0[.][0-9]*' | head -1"
  return lab.sh(`for i in {1..150}; do found=$(${address}); [ -n "$found" ] && break; sleep 0.1; done; echo "$found"`)
}
