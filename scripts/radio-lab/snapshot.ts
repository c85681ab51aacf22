import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { contentKey } from './content-key.ts'
import { createBlankDisk, diskSizesMib } from './disks.ts'
import { freePort } from './free-port.ts'
import { buildOnce } from './lab-folder.ts'
import { type MachineFiles, qemuArguments } from './qemu-arguments.ts'
import { VirtualMachine } from './virtual-machine.ts'

type BootFiles = Pick<MachineFiles, 'kernelFile' | 'initramfsFile' | 'rootImageFile' | 'programDiskFile'>

/** Files of a snapshot: the guest's memory and the state of its devices. */
export type Snapshot = { memoryFile: string; stateFile: string }

/** Gives the snapshot of a booted guest (`lab.target`: all but the agent), taken when anything in it changed. */
export async function prepareSnapshot(image: BootFiles, imageKeys: readonly string[], log: (line: string) => void): Promise<Snapshot> {
  const qemu = await runProgram('qemu-system-x86_64', ['--version'])
  const placeholder = { ...image, programDiskFile: 'program', stateDiskFile: 'state', configDiskFile: 'config', runFolder: 'run' }
  const commandLine = qemuArguments(placeholder, { from: 'snapshot-boot', memoryFile: 'memory' }, { cloudPort: 0, busPort: 0 })
  const key = contentKey({ texts: [qemu, ...imageKeys, ...commandLine], files: [] })
  const folder = await buildOnce('snapshot', key, async (unfinished) => {
    log('snapshot: booting the guest once')
    await takeSnapshot(image, unfinished)
  })
  return { memoryFile: join(folder, 'memory'), stateFile: join(folder, 'state') }
}

async function takeSnapshot(image: BootFiles, folder: string): Promise<void> {
  const runFolder = join(folder, 'run')
  mkdirSync(runFolder)
  const files = { ...image, runFolder, stateDiskFile: join(runFolder, 'state.disk'), configDiskFile: join(runFolder, 'config.disk') }
  createBlankDisk(files.stateDiskFile, diskSizesMib.state)
  createBlankDisk(files.configDiskFile, diskSizesMib.config)
  const memory = { from: 'snapshot-boot', memoryFile: join(folder, 'memory') } as const
  const machine = await VirtualMachine.start(files, memory, { cloudPort: 9, busPort: await freePort() })
  try {
    await machine.channel.nextReady(120_000)
    await settled(machine)
    await machine.saveState(join(folder, 'state'))
  } finally {
    await machine.kill()
  }
  rmSync(runFolder, { recursive: true })
}

/** Waits until everything in `lab.target` runs, and says what does not. */
async function settled(machine: VirtualMachine): Promise<void> {
  const { exitCode, stdout } = await machine.channel.run(
    'systemctl is-system-running --wait; systemctl --failed --no-legend --plain',
    120_000,
  )
  if (!stdout.startsWith('running')) {
    const why = 'systemctl --failed --no-legend --plain | cut -d" " -f1 | xargs -r systemctl status --no-pager --lines 20'
    const { stdout: failed } = await machine.channel.run(why, 20_000)
    throw new Error(`the guest did not come up (${exitCode}): ${stdout}\n${failed}`)
  }
  await machine.channel.run('busctl introspect fi.w1.wpa_supplicant1 /fi/w1/wpa_supplicant1 >/dev/null; udevadm settle; sync', 30_000)
}
