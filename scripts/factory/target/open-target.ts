/** Targets as they are named on the command line. */
import { openDirectory } from './directory-target.ts'
import { openFileSystem } from './file-system.ts'
import { openSerial } from './serial-target.ts'
import { openSsh } from './ssh-target.ts'
import { type Target, TargetError } from './target.ts'

/** How to name one, for help texts. */
export const TARGET_FORMS =
  'directory:<path>, image:<file>[#<partition>] (also a block device), serial:<device>[,<baud>], ssh:<destination>[:<port>]'

/** Opens one by its name; `sshOptions` as ssh's -o takes them. */
export async function openTarget(name: string, sshOptions: readonly string[]): Promise<Target> {
  const [, kind = '', place = ''] = /^([a-z]+):(.+)$/.exec(name) ?? []
  switch (kind) {
    case 'directory':
      return openDirectory(place)
    case 'image': {
      const [, file = place, partition = null] = /^(.*)#([1-9][0-9]*)$/.exec(place) ?? []
      return openFileSystem(file, partition === null ? null : Number(partition))
    }
    case 'serial': {
      const [, device = place, baud = null] = /^(.*),([0-9]+)$/.exec(place) ?? []
      return openSerial(device, baud)
    }
    case 'ssh': {
      const [, destination = place, port = null] = /^(.*):([0-9]+)$/.exec(place) ?? []
      return openSsh(destination, port, sshOptions)
    }
    default: // what a person typed
      throw new TargetError(`${name}: expected ${TARGET_FORMS}`)
  }
}
