/** The story's stage on the wire: 802.1X on veth in network namespaces; no scan, no systemd, a reboot is a restart of the agent. */
import { randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PermanentKind } from '../../agent/credential/credential.ts'
import { writeFreeradiusConfig } from '../../cloud/freeradius/site.ts'
import { createAuthority, issueServer } from '../pki.ts'
import { runProgram } from '../run-program.ts'
import { type Daemon, startDaemon } from '../wired-lab/daemon.ts'
import { HOTSPOT_IPV4 } from '../wired-lab/wire.ts'
import { openWiredLab, type WiredLab } from '../wired-lab/wired-lab.ts'
import { AgentProcess } from './agent-process.ts'
import { flash } from './flash.ts'
import { impostorNetwork, temporaryAtCloud } from './impostor.ts'
import { type LabCloud, openLabCloud } from './lab-cloud.ts'
import { AAA_CLIENT_ID, AAA_HOST, CLOUD_HOST } from './names.ts'
import { insideNamespace } from './programs.ts'
import { labelInSlot } from './slot-label.ts'
import type { DeviceState, Stage } from './story.ts'

/** A stage, what a person may type to look around, and its end. */
export type OpenStage = {
  readonly stage: Stage
  readonly cloud: LabCloud
  readonly hints: readonly string[]
  readonly close: () => Promise<void>
}

/** The same, with what a program other than the agent needs to take the device's place. */
export type OpenWiredStage = OpenStage & { readonly lab: WiredLab; readonly folder: string; readonly aaaCaFile: string }

/** The port of the Cloud API as the device sees it. */
export const CLOUD_PORT = 8443

/**
 * What may be other than the defaults: timers of the CA config, what the device asks the cloud for, and more CAs (PEM) whose certificates
 * the hotspot takes, and whether it offers EAP-PWD.
 */
export type WiredStageOptions = {
  readonly timers?: Readonly<Record<string, number>>
  readonly permanentCredential?: PermanentKind
  readonly moreDeviceCas?: string
  readonly eapPwd?: boolean
}

/** Opens it beneath a folder on a real disk; everything of it lives in a folder of its own there. */
export async function openWiredStage(parentFolder: string, options: WiredStageOptions = {}): Promise<OpenWiredStage> {
  await mkdir(parentFolder, { recursive: true })
  const folder = await mkdtemp(join(parentFolder, 'wired-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const each of closers.toReversed()) await each()
  }
  try {
    return { ...(await raise(folder, closers, options)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function raise(
  folder: string,
  closers: (() => Promise<unknown>)[],
  { timers = {}, permanentCredential = 'secret', moreDeviceCas = '', eapPwd = false }: WiredStageOptions,
): Promise<Omit<OpenWiredStage, 'close'>> {
  const authority = await createAuthority(folder, 'ca')
  const aaa = await issueServer(folder, authority, { name: 'aaa', dnsName: AAA_HOST })
  const api = await issueServer(folder, authority, { name: 'api', dnsName: CLOUD_HOST })
  const radiusSecret = randomBytes(24).toString('base64url')
  const lab = await openWiredLab({
    folder: join(folder, 'lab'),
    eapServer: { kind: 'radius', address: '127.0.0.1', port: 1812, secret: radiusSecret },
    hosts: [CLOUD_HOST],
    gardenPort: CLOUD_PORT,
  })
  closers.push(() => lab.close())
  const { hotspotNamespace: namespace, deviceNamespace } = lab.wire
  await giveNames(closers, deviceNamespace, 'resolv.conf', `nameserver ${HOTSPOT_IPV4}\n`)
  await giveNames(closers, namespace, 'hosts', `127.0.0.1 localhost ${CLOUD_HOST}\n`)

  const aaaClientSecret = randomBytes(32).toString('base64url')
  const inside = insideNamespace(namespace)
  const tls = { ...api, caFile: authority.certificateFile }
  const place = { folder: join(folder, 'operator'), tls, deviceCa: null, listen: `0.0.0.0:${CLOUD_PORT}`, namespace, inside }
  const cloud = await openLabCloud(place, aaaClientSecret)
  closers.push(() => cloud.stop())
  const { certificateFile: caFile } = authority
  const deviceCaFile = join(folder, 'device-cas.pem')
  await writeFile(deviceCaFile, (await readFile(cloud.deviceCaFile, 'utf8')) + moreDeviceCas)
  const files = { radiusSecret, aaaClientSecret, aaa, caFile, deviceCaFile, eapPwd }
  const freeradius = await startFreeradius(folder, namespace, files)
  closers.push(() => freeradius.stop())
  await lab.startDhcp()

  const stateFolder = join(folder, 'state')
  const configFile = await flash({
    ...{ folder, cloud, cloudPort: CLOUD_PORT, aaaCaFile: authority.certificateFile },
    permanentCredential,
    hotspot: { security: 'wired-eap' },
    wifi: { interface: lab.wire.interfaceName, address: 'udhcpc' },
    sections: { state: { directory: stateFolder }, timers },
  })
  const agent = new AgentProcess({ inside: insideNamespace(deviceNamespace), configFile, busAddress: lab.busAddress })
  closers.push(() => agent.stop())
  const packets = await startCapture(folder, lab)
  closers.push(() => packets.stop())
  return {
    ...{ cloud, lab, folder, aaaCaFile: authority.certificateFile },
    hints: [`a shell on the device: ip netns exec ${deviceNamespace} bash`, `its state: ${stateFolder}`, `everything else: ${folder}`],
    stage: {
      permanentCredential,
      restartName: 'restart of the agent',
      start: async (onLine) => agent.start(onLine),
      restart: () => agent.restart(),
      deviceState: () => readState(stateFolder, configFile),
      audit: () => cloud.audit(),
      temporaryAtHotspot: async () => showAtHotspot(folder, inside, await impostorNetwork(cloud), radiusSecret),
      temporaryAtCloud: () => temporaryAtCloud(cloud, inside),
      packetsToCloud: async () => (await packets.log()).split('\n').filter((line) => / IP .* > /.test(line)).length,
    },
  }
}

/** `ip netns exec` shows the files of this folder in place of those in /etc. */
async function giveNames(closers: (() => Promise<unknown>)[], namespace: string, file: string, content: string): Promise<void> {
  const folder = `/etc/netns/${namespace}`
  await mkdir(folder, { recursive: true })
  closers.push(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, file), content)
}

type AaaFiles = {
  readonly radiusSecret: string
  readonly aaaClientSecret: string
  readonly aaa: { readonly certificateFile: string; readonly keyFile: string }
  readonly caFile: string
  readonly deviceCaFile: string
  readonly eapPwd: boolean
}

async function startFreeradius(folder: string, namespace: string, files: AaaFiles): Promise<Daemon> {
  const directory = join(folder, 'freeradius')
  const runDir = join(folder, 'freeradius-run')
  await mkdir(runDir, { recursive: true })
  await writeFreeradiusConfig({
    ...{ directory, runDir, listenAddress: '127.0.0.1', cloudUrl: `https://${CLOUD_HOST}:${CLOUD_PORT}`, cloudCaPath: files.caFile },
    ...{ aaaClientId: AAA_CLIENT_ID, aaaClientSecret: files.aaaClientSecret, radiusSecret: files.radiusSecret },
    ...{
      serverCertPath: files.aaa.certificateFile,
      serverKeyPath: files.aaa.keyFile,
      deviceCaPath: files.deviceCaFile,
      eapPwd: files.eapPwd,
    },
  })
  return startDaemon({
    command: ['freeradius', '-f', '-l', 'stdout', '-d', directory],
    namespace,
    logFile: join(folder, 'freeradius.log'),
    readyText: 'Ready to process requests',
  })
}

const startCapture = (folder: string, lab: WiredLab): Promise<Daemon> =>
  startDaemon({
    command: ['tcpdump', '--immediate-mode', '-l', '-n', '-i', lab.wire.interfaceName, `tcp port ${CLOUD_PORT}`],
    namespace: lab.wire.deviceNamespace,
    logFile: join(folder, 'packets.log'),
    readyText: 'listening on',
  })

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

async function readState(folder: string, configFile: string): Promise<DeviceState> {
  const file = join(folder, 'current.json')
  return {
    current: (await exists(file)) ? labelInSlot(await readFile(file, 'utf8')) : null,
    pendingEmpty: !(await exists(join(folder, 'pending.json'))),
    holdsProvisioningKey: (await readFile(configFile, 'utf8')).includes('zkp_'),
  }
}

async function showAtHotspot(
  folder: string,
  inside: readonly string[],
  network: string,
  radiusSecret: string,
): Promise<'accepted' | 'refused'> {
  const file = join(folder, 'impostor.conf')
  await writeFile(file, network, { mode: 0o600 })
  const [program = '', ...parameters] = [...inside, 'eapol_test', '-c', file, '-a', '127.0.0.1', '-s', radiusSecret, '-t', '5']
  const output = await runProgram(program, parameters).catch((error: unknown) => String(error))
  if (/\bSUCCESS\b\s*$/.test(output)) return 'accepted'
  if (/EAP: Status notification: completion \(param=failure\)/.test(output)) return 'refused'
  throw new Error('eapol_test gave no answer')
}
