/** What is brought to the device: the scripts that listen, plant and collect, and the decoys in the forms that these need. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lab } from '../../radio-lab/lab.ts'
import { runProgram } from '../../run-program.ts'
import type { Channel } from './channels.ts'
import { asArguments, asBusArguments, asLines, asPackets, type Decoy } from './decoys.ts'
import { putFile } from './transfer.ts'

const GUEST = join(import.meta.dirname, 'guest')
/** Where all of it lies in the guest; root alone may look. */
export const KIT_FOLDER = '/run/secrecy'

type PlantFile = { readonly name: string; readonly content: Buffer }

const packets = (name: string, decoy: Decoy, split = asPackets(decoy)): readonly PlantFile[] =>
  split.map((content, index) => ({ name: `${name}-${index}`, content }))

/** A string on the bus is UTF-8, so bytes as they are cannot be in a property that is one. */
export const fitsBusString = (record: Buffer): boolean => /^[\x20-\x7e]*$/.test(record.toString('latin1'))

const asEnvironment = ({ records }: Decoy): Buffer =>
  Buffer.concat(records.filter(fitsBusString).map((record, index) => Buffer.concat([Buffer.from(`P_${index}=`), record, Buffer.alloc(1)])))

/** The files that `guest/plant` takes a channel's records from; the cloud's log is on the host. */
function plantFiles(decoy: Decoy): readonly PlantFile[] {
  const named = (content: Buffer, name = fileName(decoy.channel)): readonly PlantFile[] => [{ name, content }]
  switch (decoy.channel) {
    case 'agent log':
    case 'AAA log':
    case 'journal':
    case 'kernel log':
    case 'files':
      return named(asLines(decoy))
    case 'argv at exec':
    case 'environ at exec':
    case 'argv, environ':
    case 'core':
    case 'core file':
      return named(asArguments(decoy))
    case 'bus: signals':
      return named(asBusArguments(decoy))
    case 'bus: properties':
      return named(asEnvironment(decoy))
    case 'air':
    case 'wire: RADIUS':
    case 'wire: garden':
    case 'wire: uplink':
      return packets(fileName(decoy.channel), decoy)
    case 'cloud log':
      return []
  }
}

const fileName = (channel: Channel): string => channel.toLowerCase().replace(/[^a-z]+/g, '-')

/** Brings everything, in one archive: each command in the guest costs a second when the machine is busy. */
export async function bringKit(lab: Lab, decoys: readonly Decoy[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zipkey-kit-'))
  try {
    await cp(GUEST, folder, { recursive: true })
    await mkdir(join(folder, 'plants'))
    for (const { name, content } of decoys.flatMap(plantFiles)) await writeFile(join(folder, 'plants', name), content)
    await runProgram('tar', [
      '--create',
      '--owner=0',
      '--group=0',
      '--mode=u=rwX,go=',
      '--file',
      `${folder}.tar`,
      '--directory',
      folder,
      '.',
    ])
    await putFile(lab, await readFile(`${folder}.tar`), '/run/secrecy.tar')
    await lab.sh(
      `mkdir -m 0700 ${KIT_FOLDER} && tar -C ${KIT_FOLDER} -xf /run/secrecy.tar && chmod 0700 ${KIT_FOLDER}/* && rm /run/secrecy.tar`,
    )
  } finally {
    await rm(folder, { recursive: true })
    await rm(`${folder}.tar`, { force: true })
  }
}
