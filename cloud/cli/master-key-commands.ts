/** `zipkey-cloud master-key`, which works on the folder itself. */
import type { Command } from 'commander'
import {
  addMasterKey,
  distrustMasterKey,
  giveUpMasterKey,
  listMasterKeys,
  resealAll,
  retireMasterKey,
  rotateMasterKey,
  useNewestMasterKey,
} from '../master-key-care.ts'
import { print } from './output.ts'
import { DEFAULT_FOLDER } from './service-commands.ts'

type Flags = { data: string }

const NEXT_START = 'a process uses it from its next start on; where there are several, give each the new master-keys.json'

/** Adds the commands. */
export function addMasterKeyCommands(program: Command): void {
  const keys = program.command('master-key').description('the keys from which issued secrets follow, and under which others are sealed')
  const add = (name: string, description: string): Command =>
    keys.command(name).description(description).option('--data <folder>', 'the folder of the cloud', DEFAULT_FOLDER)
  add('list', 'the keys, the one in use first, and what depends on each').action(async ({ data }: Flags) => {
    for (const { id, isLeaked, sealed, issued } of await listMasterKeys(data))
      print(`${id}  ${sealed} sealed values, ${issued} good secrets of devices${isLeaked ? ', distrusted' : ''}`)
  })
  add('rotate', 'make a new key and use it, while no service runs; devices are not touched').action(async ({ data }: Flags) => {
    print(`${await rotateMasterKey(data)} is in use; keep a copy of master-keys.json elsewhere, and start the service`)
  })
  add('add', 'make a new key that is known and not used yet').action(async ({ data }: Flags) => {
    print(`${await addMasterKey(data)} is known; ${NEXT_START}, and restart it; then: zipkey-cloud master-key use`)
  })
  add('use', 'use the newest key, which every process must know').action(async ({ data }: Flags) => {
    print(`${await useNewestMasterKey(data)} is in use; ${NEXT_START}, and restart it; then: zipkey-cloud master-key reseal`)
  })
  add('reseal', 'seal everything under the key in use, which every process must know; services may run').action(async ({ data }: Flags) => {
    print(`sealed ${await resealAll(data)} values again`)
  })
  add('distrust <key-id>', 'accept nothing under a key that leaked but what the database knows').action(
    async (id: string, { data }: Flags) => {
      await distrustMasterKey(data, id)
      print(
        `${id} is distrusted by each process from its next start on, with the new master-keys.json; see "The master key" in SECURITY.md`,
      )
    },
  )
  add('retire <key-id>', 'remove a key on which nothing depends any more').action(async (id: string, { data }: Flags) => {
    await retireMasterKey(data, id)
    print(`${id} is gone from master-keys.json; backups that were made before need it: keep a copy with them`)
  })
  add('give-up <key-id>', 'go on without a key of which no copy is left: what depends on it is lost').action(
    async (id: string, { data }: Flags) => {
      print(`${await giveUpMasterKey(data, id)} is in use; see "The master key" in SECURITY.md for what to do now`)
    },
  )
}
