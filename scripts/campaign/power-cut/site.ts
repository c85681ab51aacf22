/** Where the cuts happen: the radio lab's image, and one real cloud that lives on through all of them. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type LabImage, prepareLab } from '../../radio-lab/prepare-lab.ts'
import { type LabCloud, openLabCloud } from '../../story/lab-cloud.ts'
import { CloudView } from './cloud-view.ts'

/** Everything that the devices of one campaign share. */
export type Site = {
  readonly image: LabImage
  readonly cloud: LabCloud
  readonly view: CloudView
  readonly folder: string
  /** In memory. */
  readonly scratchFolder: string
  readonly close: () => Promise<void>
}

/** Opens it in a folder of its own beneath the given one. */
export async function openSite(parentFolder: string, say: (line: string) => void): Promise<Site> {
  await mkdir(parentFolder, { recursive: true })
  const image = await prepareLab({ log: say })
  const closers: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const each of closers.toReversed()) await each()
  }
  const ownFolder = async (prefix: string): Promise<string> => {
    const made = await mkdtemp(prefix)
    closers.push(() => rm(made, { recursive: true, force: true }))
    return made
  }
  try {
    const folder = await ownFolder(join(parentFolder, 'power-cut-'))
    const scratchFolder = await ownFolder('/dev/shm/zipkey-power-cut-')
    const { deviceCa, cloudCaFile: caFile } = image.pki
    const tls = { ...image.pki.cloud, caFile }
    const place = { folder: join(folder, 'operator'), tls, deviceCa, listen: '127.0.0.1:0', namespace: null, inside: [] }
    const cloud = await openLabCloud(place, image.aaaClient.secret)
    closers.push(() => cloud.stop())
    const view = await CloudView.open(join(place.folder, 'cloud'))
    closers.push(() => view.close())
    return { image, cloud, view, folder, scratchFolder, close }
  } catch (error) {
    await close()
    throw error
  }
}
