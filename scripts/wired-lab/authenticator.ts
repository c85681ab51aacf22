/** hostapd as the 802.1X authenticator of a wired port (driver=wired). */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificateFiles } from '../pki.ts'
import { runProgram } from '../run-program.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import type { Wire } from './wire.ts'

/** A user of hostapd's own EAP server: the inner identity, and the password that PAP and MSCHAPv2 check. */
export type EapUser = { readonly identity: string; readonly password: string }

/** Who decides: hostapd's own EAP server, with a CA for its own certificate and those of devices; a RADIUS server reached from the hotspot's namespace, or nobody (EAP requests are never sent). */
export type EapServer =
  | { readonly kind: 'hostapd'; readonly users: readonly EapUser[]; readonly caFile: string; readonly server: CertificateFiles }
  | { readonly kind: 'radius'; readonly address: string; readonly port: number; readonly secret: string }

/** A running authenticator. */
export type Authenticator = {
  readonly daemon: Daemon
  /** Runs a command of hostapd_cli. */
  control(...command: string[]): Promise<string>
}

/** Starts hostapd at the hotspot's end of the wire. */
export async function startAuthenticator(folder: string, wire: Wire, eapServer: EapServer): Promise<Authenticator> {
  const configFile = join(folder, 'hostapd.conf')
  const usersFile = join(folder, 'eap-users')
  const controlFolder = join(folder, 'hostapd')
  if (eapServer.kind === 'hostapd') await writeFile(usersFile, usersText(eapServer.users), { mode: 0o600 })
  await writeFile(configFile, configText(wire.interfaceName, controlFolder, usersFile, eapServer), { mode: 0o600 })
  const namespace = wire.hotspotNamespace
  const logFile = join(folder, 'hostapd.log')
  const daemon = await startDaemon({ command: ['hostapd', '-t', '-d', configFile], namespace, logFile, readyText: 'AP-ENABLED' })
  const control = (...command: string[]): Promise<string> =>
    runProgram('hostapd_cli', ['-p', controlFolder, '-i', wire.interfaceName, ...command])
  return { daemon, control }
}

/** Phase 1 is EAP-PWD for an identity that is shown outside, and a tunnel or TLS for any other; lines marked [2] are for inside the tunnel. */
const usersText = (users: readonly EapUser[]): string =>
  [
    ...users.map(({ identity, password }) => `"${identity}" PWD "${password}"`),
    '* TLS,TTLS,PEAP',
    ...users.map(({ identity, password }) => `"${identity}" TTLS-PAP,TTLS-MSCHAPV2,MSCHAPV2 "${password}" [2]`),
    '',
  ].join('\n')

const configText = (interfaceName: string, controlFolder: string, usersFile: string, eapServer: EapServer): string =>
  [
    `interface=${interfaceName}`,
    'driver=wired',
    'ieee8021x=1',
    'use_pae_group_addr=1',
    `ctrl_interface=${controlFolder}`,
    'logger_stdout=-1',
    'logger_stdout_level=0',
    ...eapServerLines(usersFile, eapServer),
    '',
  ].join('\n')

function eapServerLines(usersFile: string, eapServer: EapServer): readonly string[] {
  switch (eapServer.kind) {
    case 'hostapd':
      return [
        'eap_server=1',
        `eap_user_file=${usersFile}`,
        `ca_cert=${eapServer.caFile}`,
        `server_cert=${eapServer.server.certificateFile}`,
        `private_key=${eapServer.server.keyFile}`,
      ]
    case 'radius':
      return [
        'own_ip_addr=127.0.0.1',
        'nas_identifier=wired-lab',
        `auth_server_addr=${eapServer.address}`,
        `auth_server_port=${eapServer.port}`,
        `auth_server_shared_secret=${eapServer.secret}`,
      ]
  }
}
