/**
 * The shipped FreeRADIUS configuration with one more server, which answers PAP without EAP around it: what remains is the look-up. The
 * password comes from the cloud, by the shipped `cloud.conf`, or from a local `users` file; all else is the same.
 */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FreeradiusSite, writeFreeradiusConfig } from '../../../cloud/freeradius/site.ts'
import { freePort } from '../../radio-lab/free-port.ts'
import { type Daemon, startDaemon } from '../../wired-lab/daemon.ts'
import type { Login, RadiusServer } from './radius-load.ts'
import type { BenchCloud } from './servers.ts'

const SECRET = 'a-secret-between-ap-and-aaa'

/** Where passwords come from. */
export type PasswordSource = { readonly from: 'cloud' } | { readonly from: 'file'; readonly logins: readonly Login[] }

/** A FreeRADIUS that runs. */
export type LookUpServer = RadiusServer & Pick<Daemon, 'pid' | 'stop'>

const serverOf = (port: number, module: string): string => `
server look-ups {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${port}
  }
  authorize {
    update control {
      &Tmp-String-0 := 'TTLS-PAP'
    }
    ${module}
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
}
`

/** Starts it beside a cloud. */
export async function openLookUpServer(folder: string, cloud: BenchCloud, source: PasswordSource): Promise<LookUpServer> {
  const directory = join(folder, 'freeradius')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const [port, authPort, acctPort] = [await freePort(), await freePort(), await freePort()]
  await writeFreeradiusConfig({ ...siteOf(folder, cloud), directory, authPort, acctPort })
  const configFile = join(directory, 'radiusd.conf')
  if (source.from === 'file') {
    const users = join(directory, 'users')
    const lines = source.logins.map(({ name, password }) => `${name} Cleartext-Password := "${password}"\n`)
    await writeFile(users, lines.join(''), { mode: 0o600 })
    const shipped = await readFile(configFile, 'utf8')
    await writeFile(configFile, shipped.replace('modules {\n', `modules {\n  files {\n    filename = "${users}"\n  }\n`))
  }
  await appendFile(configFile, serverOf(port, source.from === 'file' ? 'files' : 'cloud'))
  const command = ['freeradius', '-f', '-l', 'stdout', '-d', directory] as const
  const logFile = join(folder, 'freeradius.log')
  const { pid, stop } = await startDaemon({ command, namespace: null, logFile, readyText: 'Ready to process requests' })
  return { port, secret: SECRET, pid, stop }
}

const siteOf = (folder: string, { port, tlsFolder, aaaClient }: BenchCloud): Omit<FreeradiusSite, 'directory'> => ({
  cloudUrl: `https://localhost:${port}`,
  cloudCaPath: join(tlsFolder, 'ca.pem'),
  aaaClientId: aaaClient.id,
  aaaClientSecret: aaaClient.secret,
  radiusSecret: SECRET,
  // Nobody shakes hands here; any certificate lets it start.
  serverCertPath: join(tlsFolder, 'server.pem'),
  serverKeyPath: join(tlsFolder, 'server.key'),
  deviceCaPath: join(tlsFolder, 'ca.pem'),
  listenAddress: '127.0.0.1',
  runDir: folder,
})
