/** The shipped FreeRADIUS configuration, run natively on free ports, with a certificate of its own; and eapol_test as a supplicant. */
import { execFile, spawn } from 'node:child_process'
import type { KeyObject } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { writeFreeradiusConfig } from '../../cloud/freeradius/site.ts'
import { createSelfSignedTls } from '../../cloud/self-signed-tls.ts'

const run = promisify(execFile)
const RADIUS_SECRET = 'a-secret-between-ap-and-aaa'
const SERVER_NAME = 'aaa.zipkey.test'

/** What FreeRADIUS needs to know of the cloud. */
export type AaaSite = {
  readonly dir: string
  readonly cloudUrl: string
  readonly cloudCaPath: string
  /** The CA of devices' certificates. */
  readonly deviceCaPath: string
  readonly client: { readonly id: string; readonly secret: string }
  readonly eapPwd?: boolean
  /** Changes the shipped radiusd.conf, to show that a test would notice. */
  readonly change?: (conf: string) => string
}

/** How an EAP run ended and what the access point was told. */
export type EapRun = { readonly success: boolean; readonly output: string; readonly tookMs: number }

/** What a supplicant shows inside the tunnel. */
export type InnerLogin = {
  readonly tls?: '1.2' | '1.3'
  readonly identity: string | Uint8Array
  readonly password: string
  readonly phase2: 'PAP' | 'MSCHAPV2' | 'PEAP'
}

/** What it shows without a tunnel, by EAP-PWD. */
export type PwdLogin = { readonly identity: string; readonly password: string }

/** What a supplicant shows in EAP-TLS: a chain (PEM, its own first), its key, and the identity outside of the handshake. */
export type CertificateLogin = {
  readonly tls?: '1.2' | '1.3'
  readonly identity: string
  readonly chainPem: string
  readonly privateKey: KeyObject
}

/** A FreeRADIUS that runs. */
export type RunningAaa = {
  readonly authPort: number
  readonly acctPort: number
  readonly radiusSecret: string
  readonly log: () => string
  eap(login: InnerLogin, parameters?: readonly string[]): Promise<EapRun>
  eapPwd(login: PwdLogin, parameters?: readonly string[]): Promise<EapRun>
  eapTls(login: CertificateLogin, parameters?: readonly string[]): Promise<EapRun>
  stop(): Promise<void>
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

/** Starts FreeRADIUS and waits until it serves. */
export async function startAaa({ dir, cloudUrl, cloudCaPath, deviceCaPath, client, eapPwd = false, change }: AaaSite): Promise<RunningAaa> {
  await mkdir(dir, { recursive: true })
  const tls = join(dir, 'aaa-tls')
  await createSelfSignedTls(tls, SERVER_NAME)
  const directory = join(dir, 'freeradius')
  const [authPort, acctPort] = [await freePort(), await freePort()]
  await writeFreeradiusConfig({
    directory,
    cloudUrl,
    cloudCaPath,
    aaaClientId: client.id,
    aaaClientSecret: client.secret,
    radiusSecret: RADIUS_SECRET,
    serverCertPath: join(tls, 'server.pem'),
    serverKeyPath: join(tls, 'server.key'),
    deviceCaPath,
    listenAddress: '127.0.0.1',
    runDir: dir,
    eapPwd,
    authPort,
    acctPort,
  })
  const conf = join(directory, 'radiusd.conf')
  if (change !== undefined) await writeFile(conf, change(await readFile(conf, 'utf8')))
  const child = spawn('freeradius', ['-f', '-l', 'stdout', '-d', directory], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  const lines = createInterface({ input: child.stdout })
  const ready = new Promise<void>((done, failed) => {
    lines.on('line', (line) => {
      log += `${line}\n`
      if (line.includes('Ready to process requests')) done()
    })
    child.on('exit', () => failed(new Error(`freeradius ended:\n${log}`)))
  })
  await ready
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  const supplicant = { dir, caPath: join(tls, 'ca.pem'), authPort }
  return {
    authPort,
    acctPort,
    radiusSecret: RADIUS_SECRET,
    log: () => log,
    eap: (login, more = []) => runEap(supplicant, tunnelLines(login), more),
    eapPwd: ({ identity, password }, more = []) =>
      runEap(supplicant, ['eap=PWD', `identity=${hex(identity)}`, `password=${hex(password)}`], more),
    eapTls: async (login, more = []) => runEap(supplicant, await tlsLines(dir, login), more),
    stop,
  }
}

// wpa_supplicant's configuration takes any byte as hexadecimal.
const hex = (value: string | Uint8Array): string => Buffer.from(value).toString('hex')

const phase1 = (tls: '1.2' | '1.3'): string => `phase1="tls_disable_tlsv1_3=${tls === '1.3' ? 0 : 1}"`

const tunnelLines = ({ identity, password, phase2, tls = '1.2' }: InnerLogin): readonly string[] => [
  phase2 === 'PEAP' ? 'eap=PEAP' : 'eap=TTLS',
  `identity=${hex(identity)}`,
  'anonymous_identity="anonymous@acme.zipkey.test"',
  phase1(tls),
  `password=${hex(password)}`,
  `phase2="auth=${phase2 === 'PEAP' ? 'MSCHAPV2' : phase2}"`,
]

async function tlsLines(dir: string, { identity, chainPem, privateKey, tls = '1.2' }: CertificateLogin): Promise<readonly string[]> {
  const path = join(dir, `eapol-${crypto.randomUUID()}`)
  await writeFile(`${path}.pem`, chainPem)
  await writeFile(`${path}.key`, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  return ['eap=TLS', phase1(tls), `identity=${hex(identity)}`, `client_cert="${path}.pem"`, `private_key="${path}.key"`]
}

async function runEap(
  { dir, caPath, authPort }: { readonly dir: string; readonly caPath: string; readonly authPort: number },
  method: readonly string[],
  parameters: readonly string[],
): Promise<EapRun> {
  const conf = join(dir, `eapol-${crypto.randomUUID()}.conf`)
  const lines = ['key_mgmt=WPA-EAP', ...method, `ca_cert="${caPath}"`, `domain_match="${SERVER_NAME}"`]
  await writeFile(conf, `network={\n${lines.join('\n')}\n}\n`, { mode: 0o600 })
  const startedMs = performance.now()
  const server = ['-c', conf, '-a', '127.0.0.1', '-p', String(authPort), '-s', RADIUS_SECRET, '-t', '8']
  const { success, output } = await run('eapol_test', [...server, ...parameters], { maxBuffer: 16 << 20 }).then(
    ({ stdout }) => ({ success: true, output: stdout }),
    (error: { stdout?: string }) => ({ success: false, output: error.stdout ?? '' }),
  )
  return { success, output, tookMs: performance.now() - startedMs }
}
