import { join } from 'node:path'
import { createDisk, type DiskFile, diskSizesMib } from './disks.ts'
import { freePort } from './free-port.ts'
import { Lab, type PowerOn } from './lab.ts'
import type { LabImage } from './prepare-lab.ts'
import { createRunFolder } from './run-folder.ts'

/** What a lab is opened with. */
export type LabOptions = {
  image: LabImage
  powerOn: PowerOn
  /** Files of /etc/zipkey on the device; each is 0600 unless it says otherwise. */
  config: readonly DiskFile[]
  /** Files of /var/lib/zipkey, for a device that did not leave the factory just now. */
  state?: readonly DiskFile[]
  /** Where the cloud listens on the host's loopback. The device knows it as https://api.zipkey.test. */
  cloudPort: number
  /** A folder for what the device writes to its disks, each time the power is on. */
  recordDisks?: string
}

/** Gives a running lab with disks of its own; `close()` ends it. */
export async function openLab({ image, powerOn, config, state, cloudPort, recordDisks }: LabOptions): Promise<Lab> {
  const runFolder = createRunFolder()
  const { kernelFile, initramfsFile, rootImageFile, programDiskFile } = image
  const disks = { stateDiskFile: join(runFolder, 'state.disk'), configDiskFile: join(runFolder, 'config.disk') }
  const files = { kernelFile, initramfsFile, rootImageFile, programDiskFile, runFolder, ...disks }
  const lab = new Lab(files, image.snapshot, { cloudPort, busPort: await freePort() }, recordDisks ?? null)
  try {
    await Promise.all([
      createDisk(disks.stateDiskFile, diskSizesMib.state, state ?? []),
      createDisk(disks.configDiskFile, diskSizesMib.config, config),
    ])
    await lab.powerOn(powerOn)
    return lab
  } catch (error) {
    await lab.close()
    throw error
  }
}
