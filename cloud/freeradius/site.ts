/** Writes a folder that `freeradius -d` can run: the shipped configuration, and site.conf with what differs from site to site. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What differs from site to site; site.conf.example explains each. */
export type FreeradiusSite = {
  /** The folder to write, for `freeradius -d`. */
  readonly directory: string
  readonly cloudUrl: string
  readonly cloudCaPath: string
  readonly aaaClientId: string
  readonly aaaClientSecret: string
  readonly radiusSecret: string
  readonly serverCertPath: string
  readonly serverKeyPath: string
  /** The CA of devices' certificates. */
  readonly deviceCaPath: string
  readonly listenAddress: string
  readonly runDir: string
  /** The address or network that access points ask from; the server's own address where it is absent. */
  readonly radiusClients?: string
  /** Offers EAP-PWD too, which shows device ids to everyone in radio range. */
  readonly eapPwd?: boolean
  readonly authPort?: number
  readonly acctPort?: number
}

const SHIPPED = ['radiusd.conf', 'cloud.conf'] as const
const EAP_PWD = 'eap-pwd.conf'

// FreeRADIUS expands `$` and `%` and knows two quotes and a backslash; none of them has a place in a path, a URL or our secrets.
const PLAIN = /^[A-Za-z0-9 ._~:/@+=,[\]-]+$/

function line(name: string, value: string): string {
  if (!PLAIN.test(value)) throw new Error(`${name} has a character that FreeRADIUS would take for syntax`)
  return `${name} = "${value}"\n`
}

const siteConf = (site: FreeradiusSite): string =>
  [
    line('cloud_url', site.cloudUrl.replace(/\/$/, '')),
    line('cloud_ca', site.cloudCaPath),
    line('aaa_client_id', site.aaaClientId),
    line('aaa_client_secret', site.aaaClientSecret),
    line('radius_clients', site.radiusClients ?? site.listenAddress),
    line('radius_secret', site.radiusSecret),
    line('server_certificate', site.serverCertPath),
    line('server_key', site.serverKeyPath),
    line('device_ca', site.deviceCaPath),
    line('listen_address', site.listenAddress),
    `auth_port = ${site.authPort ?? 1812}\n`,
    `acct_port = ${site.acctPort ?? 1813}\n`,
    line('run_dir', site.runDir),
  ].join('')

/** Writes the folder; site.conf holds secrets and is readable by its owner alone. */
export async function writeFreeradiusConfig(site: FreeradiusSite): Promise<void> {
  const conf = siteConf(site)
  await mkdir(site.directory, { recursive: true, mode: 0o700 })
  const shipped = fileURLToPath(new URL('.', import.meta.url))
  for (const name of SHIPPED) await copyFile(join(shipped, name), join(site.directory, name))
  if (site.eapPwd === true) await copyFile(join(shipped, `${EAP_PWD}.example`), join(site.directory, EAP_PWD))
  else await rm(join(site.directory, EAP_PWD), { force: true })
  const siteFile = join(site.directory, 'site.conf')
  await rm(siteFile, { force: true })
  await writeFile(siteFile, conf, { mode: 0o600 })
}
