import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'
import type { MachineFiles } from './qemu-arguments.ts'

/** A disk as it was when the power was switched on, and QEMU's log of every write and flush since (format of Linux's dm-log-writes). */
export type DiskRecording = { baseFile: string; logFile: string }

/** Recordings of the disks that the device writes to. */
export type DiskRecordings = Readonly<Record<'state' | 'config', DiskRecording>>

/** Keeps copies of the disks and makes empty logs, in a new folder below the given one. */
export async function startRecording(
  parentFolder: string,
  disks: Pick<MachineFiles, 'stateDiskFile' | 'configDiskFile'>,
): Promise<DiskRecordings> {
  const folder = mkdtempSync(join(parentFolder, 'recording-'))
  const record = async (name: string, diskFile: string): Promise<DiskRecording> => {
    const recording = { baseFile: join(folder, `${name}.disk`), logFile: join(folder, `${name}.log`) }
    await runProgram('cp', ['--sparse=always', diskFile, recording.baseFile])
    writeFileSync(recording.logFile, '')
    return recording
  }
  const [state, config] = await Promise.all([record('state', disks.stateDiskFile), record('config', disks.configDiskFile)])
  return { state, config }
}
