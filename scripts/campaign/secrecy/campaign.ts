/** One run: a device that is listened to on every channel goes through all it can, then what was heard is searched. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabImage } from '../../radio-lab/prepare-lab.ts'
import { CHANNEL_NAMES, type Channel } from './channels.ts'
import { type Decoy, drawDecoy } from './decoys.ts'
import { openDevice } from './device.ts'
import { formsOf } from './finder.ts'
import { harvest } from './harvest.ts'
import { type ChannelVerdict, type ControlVerdict, judgeChannels, judgeControls } from './judge.ts'
import { bringKit, KIT_FOLDER } from './kit.ts'
import { liveThrough } from './life.ts'
import { objectToReaders, PLANTED_PATH } from './owned-files.ts'
import type { SoughtSecret } from './secret.ts'
import { gatherSecrets } from './sought.ts'
import { Inbox } from './transfer.ts'

/** What a run found. */
export type Verdict = {
  readonly secrets: readonly { readonly name: string; readonly forms: number }[]
  readonly channels: readonly ChannelVerdict[]
  readonly controls: readonly ControlVerdict[]
  /** Other readers of the agent's files; the one that was planted is counted, not listed. */
  readonly readers: { readonly plantFound: boolean; readonly problems: readonly string[] }
  /** How the run proved that it was the run that it claims to be. */
  readonly problems: readonly string[]
  readonly sampling: string
}

/** Where it happens, and who is told of each step. */
export type CampaignOptions = { readonly image: LabImage; readonly parentFolder: string; readonly say: (line: string) => void }

/** Runs it. */
export async function searchOneLife({ image, parentFolder, say }: CampaignOptions): Promise<Verdict> {
  const folder = await mkdtemp(join(parentFolder, 'secrecy-'))
  const decoys = CHANNEL_NAMES.map(drawDecoy)
  const cores = await Inbox.open()
  try {
    const device = await openDevice(folder, image)
    try {
      await bringKit(device.lab, decoys)
      await device.lab.sh(`${KIT_FOLDER}/watch ${cores.port}`, { timeoutMs: 120_000 })
      await device.lab.sh(`${KIT_FOLDER}/plant`, { timeoutMs: 120_000 })
      say('planted a decoy in every channel, in every form')
      await liveThrough(device.lab, device.cloud, cores, say)
      const heard = await harvest(device, cores, decoyOf(decoys, 'cloud log'))
      say('collected what was heard')
      const { cloud } = device
      const secrets = await gatherSecrets({ folder, cloud, pki: image.pki, disks: heard.controls['device’s disks'] })
      const objections = objectToReaders(heard.owned, heard.accounts)
      return {
        secrets: secrets.map((secret) => ({ name: secret.name, forms: formsOf(secret).length })),
        channels: judgeChannels(heard, secrets, decoys),
        controls: judgeControls(heard, secrets),
        readers: { plantFound: objections.some(isAboutPlant), problems: objections.filter((each) => !isAboutPlant(each)) },
        problems: proveRun(secrets, heard.channels['agent log'], heard.channels.core),
        sampling: heard.sampling,
      }
    } finally {
      await device.close()
    }
  } finally {
    cores.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const isAboutPlant = (objection: string): boolean => objection.includes(PLANTED_PATH)

function decoyOf(decoys: readonly Decoy[], channel: Channel): Decoy {
  const decoy = decoys.find((each) => each.channel === channel)
  if (decoy === undefined) throw new Error(`nothing was drawn for ${channel}`)
  return decoy
}

function proveRun(secrets: readonly SoughtSecret[], agentLog: Buffer, core: Buffer): readonly string[] {
  const issued = secrets.filter(({ name }) => /^issued secret \d+$/.test(name)).length
  const keys = secrets.filter(({ name }) => /^certificate key \d+$/.test(name)).length
  const nonces = secrets.filter(({ name }) => /^swap nonce \d+$/.test(name)).length
  return [
    ...(issued === 2 ? [] : [`two secrets should have been issued, and ${issued} were`]),
    ...(nonces === 2 ? [] : [`two nonces should have been on the disk, and ${nonces} were`]),
    ...(keys === 1 ? [] : [`one certificate key should have been on the disk, and ${keys} were`]),
    ...(agentLog.includes('"level":20') ? [] : ['the agent logged nothing below info: was it at level trace?']),
    ...(core.includes('zipkey-agent.cjs') ? [] : ['no core of the agent went to the pipe']),
  ]
}

/** Whether there is nothing to object to. */
export const isClean = ({ channels, controls, readers, problems }: Verdict): boolean =>
  channels.every(({ findings, missing }) => findings.length + missing.length === 0) &&
  controls.every((control) => control.problems.length === 0) &&
  readers.plantFound &&
  readers.problems.length + problems.length === 0
