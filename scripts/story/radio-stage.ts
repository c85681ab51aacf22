/** The story's stage over the air: the device is a VM with simulated 802.11 radios; the cloud runs outside and lives on when it reboots. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PermanentKind } from '../../agent/credential/credential.ts'
import type { DiskFile } from '../radio-lab/disks.ts'
import type { Lab } from '../radio-lab/lab.ts'
import { openLab } from '../radio-lab/open-lab.ts'
import { type LabImage, prepareLab } from '../radio-lab/prepare-lab.ts'
import { flash } from './flash.ts'
import { impostorNetwork, temporaryAtCloud } from './impostor.ts'
import { type LabCloud, openLabCloud } from './lab-cloud.ts'
import { labelInSlot } from './slot-label.ts'
import type { DeviceState } from './story.ts'
import type { Say } from './tell.ts'
import type { OpenStage } from './wired-stage.ts'

/** The port of the Cloud API as the device sees it; the hotspot's garden leads it to the real one. */
export const GARDEN_PORT = 443

/** The hotspot as the device's CA config describes it. */
export const RADIO_HOTSPOT = { ssid: 'ZipKey', security: 'wpa-eap', frequenciesMhz: [2412, 2437, 2462] } as const

/** Opens it beneath a folder on a real disk, preparing the lab where something changed. */
export async function openRadioStage(
  parentFolder: string,
  say: Say,
  permanentCredential: PermanentKind = 'secret',
): Promise<OpenStage & { readonly lab: Lab }> {
  await mkdir(parentFolder, { recursive: true })
  const image = await prepareLab({ log: say })
  const folder = await mkdtemp(join(parentFolder, 'radio-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const each of closers.toReversed()) await each()
  }
  try {
    return { ...(await raise(folder, image, closers, permanentCredential)), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A device that is flashed and switched on, and has not begun; around it a hotspot and a cloud that know nothing of it. */
export type RadioDevice = { readonly lab: Lab; readonly cloud: LabCloud }

/** What a device over the air may be given besides its CA config, and what it asks the cloud for. */
export type RadioDeviceOptions = {
  readonly moreFiles?: (cloud: LabCloud) => Promise<readonly DiskFile[]>
  readonly permanentCredential?: PermanentKind
  /** The one profile that is flashed, without its EAP settings. */
  readonly hotspot?: Readonly<Record<string, unknown>>
}

/** Restores the lab's snapshot around a device with disks of its own; `closers` gets what ends it. */
export async function openRadioDevice(
  folder: string,
  image: LabImage,
  closers: (() => Promise<unknown>)[],
  { moreFiles, permanentCredential = 'secret', hotspot = RADIO_HOTSPOT }: RadioDeviceOptions = {},
): Promise<RadioDevice> {
  const { deviceCa, cloudCaFile: caFile } = image.pki
  const place = { folder, tls: { ...image.pki.cloud, caFile }, deviceCa, listen: '127.0.0.1:0', namespace: null, inside: [] }
  const cloud = await openLabCloud(place, image.aaaClient.secret)
  closers.push(() => cloud.stop())
  const configFile = await flash({
    ...{ folder, cloud, cloudPort: GARDEN_PORT, aaaCaFile: image.pki.aaaCaFile },
    permanentCredential,
    hotspot,
    wifi: { interface: 'auto', address: 'system' },
  })
  const config = [{ path: 'ca.json', content: await readFile(configFile), mode: 0o640 }, ...((await moreFiles?.(cloud)) ?? [])]
  const lab = await openLab({ image, powerOn: 'snapshot', config, cloudPort: cloud.port })
  closers.push(() => lab.close())
  return { lab, cloud }
}

async function raise(
  folder: string,
  image: LabImage,
  closers: (() => Promise<unknown>)[],
  permanentCredential: PermanentKind,
): Promise<Omit<OpenStage, 'close'> & { readonly lab: Lab }> {
  const { lab, cloud } = await openRadioDevice(folder, image, closers, { permanentCredential })
  const packets: string[] = []
  lab.followCloudPackets((line) => packets.push(line))
  return {
    lab,
    cloud,
    hints: [`a root shell on the device (Ctrl-] leaves it): ${lab.shellCommand}`, `the device's console: ${lab.consoleLogFile}`],
    stage: {
      permanentCredential,
      restartName: 'reboot',
      start: async (onLine) => {
        lab.followJournal('zipkey-agent.service', onLine)
        await lab.startAgent()
      },
      restart: () => lab.reboot(),
      deviceState: () => readState(lab),
      audit: () => cloud.audit(),
      temporaryAtHotspot: () => showAtHotspot(lab, cloud),
      temporaryAtCloud: () => temporaryAtCloud(cloud, []),
      packetsToCloud: async () => packets.filter((line) => line.includes(' IP ')).length,
    },
  }
}

async function readState(lab: Lab): Promise<DeviceState> {
  const slots = `cd /var/lib/zipkey && { grep -Eo '"(secretId|certificate)":"[^"]*"' current.json; test ! -e pending.json && echo no pending; }`
  const state = await lab.sh(`{ ${slots}; }; grep -q zkp_ /etc/zipkey/ca.json && echo holds the key; true`)
  return { current: labelInSlot(state), pendingEmpty: state.includes('no pending'), holdsProvisioningKey: state.includes('holds the key') }
}

async function showAtHotspot(lab: Lab, cloud: LabCloud): Promise<'accepted' | 'refused'> {
  const block = Buffer.from(await impostorNetwork(cloud)).toString('base64')
  const radiusSecret = `"$(sed -n 's/^radius_secret = "\\(.*\\)"/\\1/p' /etc/hotspot/freeradius/site.conf)"`
  const test = `ip netns exec ap eapol_test -c /run/impostor.conf -a 127.0.0.1 -s ${radiusSecret} -t 10`
  const output = await lab.sh(`base64 -d <<< ${block} > /run/impostor.conf; ${test} | tail -n 200 || true; rm /run/impostor.conf`, {
    timeoutMs: 60_000,
  })
  if (/\bSUCCESS\b\s*$/.test(output)) return 'accepted'
  if (/EAP: Status notification: completion \(param=failure\)/.test(output)) return 'refused'
  throw new Error(`eapol_test gave no answer: ${output.slice(-500)}`)
}
