// V8's code cache counts for the processor that it was made on, and the guest's is not the host's. scripts/install makes it on the
// device; in the lab the device makes it once for each program, in a machine of its own, and keeps it on the program's disk.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { contentKey } from './content-key.ts'
import { createBlankDisk, diskSizesMib } from './disks.ts'
import { freePort } from './free-port.ts'
import { buildOnce } from './lab-folder.ts'
import { type ProgramDisk, packProgramDisk } from './program-disk.ts'
import type { MachineFiles } from './qemu-arguments.ts'
import type { Snapshot } from './snapshot.ts'
import { VirtualMachine } from './virtual-machine.ts'

const cacheDeadlineMs = 120_000

/** What `scripts/install` runs on a device; the cache goes to standard output. */
const makeCache = `set -eu
disk=/dev/disk/by-id/virtio-zipkey-program
blockdev --flushbufs "$disk"
mkdir /run/program
mount -t squashfs -o ro "$disk" /run/program
cp -r /run/program /run/made
cd /run/made
rm -f ./*.cache
node write-code-cache.cjs zipkey-agent.bundle.cjs /usr/share/zipkey/examples/temporary-derived-secret.json >&2
tar -c ./*.cache | base64 --wrap=0`

/** The program's disk with the code cache of the guest's processor. */
export async function prepareCachedProgram(
  program: ProgramDisk,
  boot: Pick<MachineFiles, 'kernelFile' | 'initramfsFile' | 'rootImageFile'>,
  snapshot: Snapshot,
  log: (line: string) => void,
): Promise<string> {
  const key = contentKey({ texts: [program.key, snapshot.memoryFile, makeCache], files: [] })
  const folder = await buildOnce('cached', key, async (unfinished) => {
    log("program: the device makes V8's code cache")
    const runFolder = join(unfinished, 'run')
    mkdirSync(runFolder)
    const cache = await runOnDevice({ ...boot, programDiskFile: program.file, ...blankDisks(runFolder), runFolder }, snapshot)
    const tree = join(unfinished, 'tree')
    await runProgram('unsquashfs', ['-no-progress', '-quiet', '-d', tree, program.file])
    await runProgram('bash', ['-c', 'rm -f "$1"/*.cache', 'remove', tree])
    const archive = join(runFolder, 'cache.tar')
    writeFileSync(archive, cache)
    await runProgram('tar', ['-C', tree, '-xf', archive])
    await packProgramDisk(tree, unfinished)
    for (const made of [tree, runFolder]) rmSync(made, { recursive: true })
  })
  return join(folder, 'program.sqfs')
}

function blankDisks(folder: string): Pick<MachineFiles, 'stateDiskFile' | 'configDiskFile'> {
  const files = { stateDiskFile: join(folder, 'state.disk'), configDiskFile: join(folder, 'config.disk') }
  createBlankDisk(files.stateDiskFile, diskSizesMib.state)
  createBlankDisk(files.configDiskFile, diskSizesMib.config)
  return files
}

async function runOnDevice(files: MachineFiles, snapshot: Snapshot): Promise<Buffer> {
  const memory = { from: 'snapshot', memoryFile: snapshot.memoryFile } as const
  const machine = await VirtualMachine.start(files, memory, { cloudPort: 9, busPort: await freePort() })
  try {
    await machine.restoreState(snapshot.stateFile)
    const { exitCode, stdout, stderr } = await machine.channel.run(makeCache, cacheDeadlineMs)
    if (exitCode !== 0) throw new Error(`the device could not make the code cache (${exitCode}): ${stderr}`)
    return Buffer.from(stdout, 'base64')
  } finally {
    await machine.kill()
  }
}
