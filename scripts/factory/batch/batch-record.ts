/** A finished batch as stations read it: whose it is, its devices, and the files of each. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../inputs.ts'
import { GOLDEN_CONFIG, RUN_LOG } from './batch-folder.ts'
import { DEVICE_FILES } from './credential-maker.ts'
import { type DeviceLine, devicesOf, readRunLog, type Started } from './run-log.ts'

/** A device of a batch, and which it is in the order of the batch, counted from 0. */
export type BatchDevice = DeviceLine & { readonly number: number }

/** An open batch. */
export type BatchRecord = { readonly folder: string; readonly started: Started }

/** A file as it goes onto a device: its name beside the others there, and its content. */
export type DeviceContent = { readonly name: string; readonly bytes: Uint8Array }

/** What the config is called on a device. */
export const CONFIG_NAME = 'ca.json'

/** Opens a batch that is finished. */
export async function openBatch(folder: string): Promise<BatchRecord> {
  const state = await readRunLog(join(folder, RUN_LOG))
  if (state === null) throw new InputError(`${folder}: holds no batch: name the output folder of batch create`)
  if (!state.isFinished) throw new InputError(`${folder}: holds a batch that is not finished: run its command again`)
  return { folder, started: state.started }
}

/** Those devices of the batch for which `wanted` says yes, in their order. */
export async function findDevices({ folder }: BatchRecord, wanted: (device: DeviceLine) => boolean): Promise<readonly BatchDevice[]> {
  const found: BatchDevice[] = []
  let number = 0
  for await (const device of devicesOf(join(folder, RUN_LOG))) {
    if (wanted(device)) found.push({ ...device, number })
    number += 1
  }
  return found
}

/** The files of a device, the config last: whoever has it has all. */
export function contentsOf({ folder, started }: BatchRecord, { file }: DeviceLine): readonly DeviceContent[] {
  const own = file === null ? [] : [readFileSync(join(folder, file))]
  if (started.form === 'each') return own.map((bytes) => ({ name: CONFIG_NAME, bytes }))
  const name = started.credential === 'certificate' ? DEVICE_FILES.certificate : DEVICE_FILES.secret
  return [...own.map((bytes) => ({ name, bytes })), { name: CONFIG_NAME, bytes: readFileSync(join(folder, GOLDEN_CONFIG)) }]
}
