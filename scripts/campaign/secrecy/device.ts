/** The device of the campaign: its agent logs all it can, its disks are recorded, its cloud logs all it can. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../radio-lab/lab.ts'
import { openLab } from '../../radio-lab/open-lab.ts'
import type { LabImage } from '../../radio-lab/prepare-lab.ts'
import { flash } from '../../story/flash.ts'
import { type LabCloud, openLabCloud } from '../../story/lab-cloud.ts'
import { RADIO_HOTSPOT } from '../../story/radio-stage.ts'

/** An open device, and how to end it. */
export type OpenDevice = { readonly lab: Lab; readonly cloud: LabCloud; readonly folder: string; readonly close: () => Promise<void> }

/** Opens it in a folder. */
export async function openDevice(folder: string, image: LabImage): Promise<OpenDevice> {
  const { deviceCa, cloudCaFile: caFile } = image.pki
  const tls = { ...image.pki.cloud, caFile }
  const place = { folder, tls, deviceCa, listen: '127.0.0.1:0', namespace: null, inside: [], logLevel: 'trace' } as const
  const cloud = await openLabCloud(place, image.aaaClient.secret)
  try {
    const configFile = await flash({
      ...{ folder, cloud, cloudPort: 443, aaaCaFile: image.pki.aaaCaFile },
      hotspot: RADIO_HOTSPOT,
      wifi: { interface: 'auto', address: 'system' },
      sections: { log: { level: 'trace' }, timers: { actionsFastMs: 1000 } },
    })
    const config = [{ path: 'ca.json', content: await readFile(configFile), mode: 0o640 }]
    const recordDisks = join(folder, 'disks')
    await mkdir(recordDisks)
    const lab = await openLab({ image, powerOn: 'snapshot', config, cloudPort: cloud.port, recordDisks })
    const close = async (): Promise<void> => {
      await lab.close()
      await cloud.stop()
    }
    return { lab, cloud, folder, close }
  } catch (error) {
    await cloud.stop()
    throw error
  }
}

/** What was on the device's disks when the power came on, and every write since. */
export async function disksOf(lab: Lab): Promise<Buffer> {
  const { state, config } = lab.recordings
  return Buffer.concat(await Promise.all([state.baseFile, state.logFile, config.baseFile, config.logFile].map((file) => readFile(file))))
}
