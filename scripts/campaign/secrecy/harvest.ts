/** What was heard on each channel, as bytes to be searched. */
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Channel, Control } from './channels.ts'
import { asLines, type Decoy } from './decoys.ts'
import { disksOf, type OpenDevice } from './device.ts'
import { execLists } from './exec-trace.ts'
import { KIT_FOLDER } from './kit.ts'
import { readTar, type TarFile } from './tar.ts'
import { type Inbox, takeOutput } from './transfer.ts'

/** Everything that a run left. */
export type Harvest = {
  readonly channels: Readonly<Record<Channel, Buffer>>
  readonly controls: Readonly<Record<Control, Buffer>>
  /** The files of the channel `files`, to say in which one something was found. */
  readonly files: readonly TarFile[]
  /** `mode user group type path` of what the agent owns, a line each, and the members of its user and group. */
  readonly owned: string
  readonly accounts: string
  readonly sampling: string
}

/** Collects it, while the device still runs. */
export async function harvest({ lab, folder }: OpenDevice, cores: Inbox, cloudDecoy: Decoy): Promise<Harvest> {
  await lab.sh(`${KIT_FOLDER}/collect`, { timeoutMs: 120_000 })
  await lab.sh('sync')
  const taken = new Map(readTar(await takeOutput(lab, `tar -C ${KIT_FOLDER}/out -c .`)).map(({ path, content }) => [path, content]))
  const of = (...names: readonly string[]): Buffer =>
    Buffer.concat(
      names.map((name) => {
        const content = taken.get(`./${name}`)
        if (content === undefined) throw new Error(`the device brought no ${name}`)
        return content
      }),
    )
  const cloudLog = join(folder, 'cloud.log')
  await appendFile(cloudLog, asLines(cloudDecoy))
  const files = of('files.tar')
  const execs = execLists(of('exec-trace'))
  return {
    channels: {
      'agent log': of('journal-agent'),
      'AAA log': of('journal-aaa'),
      'cloud log': await readFile(cloudLog),
      journal: of('journal'),
      'kernel log': Buffer.concat([of('kernel'), await readFile(lab.consoleLogFile)]),
      'argv at exec': execs.argv,
      'environ at exec': execs.environ,
      'argv, environ': of('processes'),
      'bus: signals': of('bus-nobody'),
      'bus: properties': of('peek-nobody', 'peek-planted'),
      files,
      core: Buffer.concat(await cores.contents()),
      'core file': of('cores.tar'),
      air: of('air.pcap'),
      'wire: RADIUS': of('radius.pcap'),
      'wire: garden': of('garden.pcap'),
      'wire: uplink': of('uplink.pcap'),
    },
    controls: { 'device’s disks': await disksOf(lab), 'bus: root': of('bus-root'), 'bus: netdev': of('peek-netdev') },
    files: readTar(files),
    owned: of('owned').toString(),
    accounts: of('agent-user', 'agent-group').toString(),
    sampling: of('processes-rounds').toString().trim(),
  }
}
