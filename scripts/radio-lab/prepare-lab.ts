// Builds what the radio lab needs, as far as it changed: kernel, initramfs, root image, certificates, snapshot. All of it is in `.lab/`.
import { prepareInitramfs } from './initramfs.ts'
import { prepareKernel } from './kernel.ts'
import { type AaaClient, prepareSecrets } from './lab-secrets.ts'
import { type LabPki, preparePki } from './pki.ts'
import { prepareCachedProgram } from './program-cache.ts'
import { prepareProgramDisk } from './program-disk.ts'
import { prepareRootImage } from './root-image.ts'
import { prepareSnapshot, type Snapshot } from './snapshot.ts'

/** Everything from which a lab is opened. */
export type LabImage = {
  kernelFile: string
  initramfsFile: string
  rootImageFile: string
  programDiskFile: string
  snapshot: Snapshot
  pki: LabPki
  /** What the cloud has to know so that it answers the hotspot's FreeRADIUS. */
  aaaClient: AaaClient
  /** What the hotspots with a passphrase take. */
  passphrase: string
}

/** Prepares the lab; with nothing changed it takes a second or two, most of it apt's. */
export async function prepareLab({ log }: { log: (line: string) => void }): Promise<LabImage> {
  const [pki, secrets, kernel] = await Promise.all([preparePki(), prepareSecrets(), prepareKernel(log)])
  const initramfs = await prepareInitramfs(kernel)
  const root = await prepareRootImage(kernel, pki, secrets, log)
  const program = await prepareProgramDisk(root)
  const boot = { kernelFile: kernel.imageFile, initramfsFile: initramfs.file, rootImageFile: root.file }
  const snapshot = await prepareSnapshot({ ...boot, programDiskFile: program.file }, [kernel.key, initramfs.key, root.key], log)
  const programDiskFile = await prepareCachedProgram(program, boot, snapshot, log)
  return { ...boot, programDiskFile, snapshot, pki, aaaClient: secrets.aaaClient, passphrase: secrets.passphrase }
}
