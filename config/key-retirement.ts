/**
 * Once a device has a permanent secret of its own, the provisioning key that it shares with others has no business on it: every
 * config file, and every file that one names for a key, gets the derived temporary secret in its place. Each file is one atomic
 * replacement, so that a config is good at every instant; what is cut off is done at the next start. A file of its own keeps its
 * name in the config and changes its content, since one rename is atomic and two are not.
 */
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { DeviceName } from '../agent/contract/names.ts'
import type { Log } from '../agent/log.ts'
import { type FileCalls, replaceFile } from './replace-file.ts'
import { derivedInPlaceOf, retireInText } from './retire-provisioning-key.ts'

/** The config files in use, whose secret is derived, and whom to tell. `calls` is for tests. */
export type KeyRetirementOptions = {
  readonly files: readonly string[]
  /** `$CREDENTIALS_DIRECTORY` of systemd's LoadCredential=, or null. */
  readonly credentialsDirectory: string | null
  readonly name: DeviceName
  readonly log: Pick<Log, 'info' | 'warn'>
  readonly calls?: FileCalls
}

const REMEDY =
  'write the derived secret there yourself (zipkey-factory makes such a config), let the agent own the file, or set keepProvisioningKey'
const MODE_BITS = 0o7777

/** Retires the keys of a device; what cannot be replaced is told in one line for each place and run, and is no failure. */
export class KeyRetirement {
  readonly #options: KeyRetirementOptions
  readonly #told = new Set<string>()
  #last: Promise<void> = Promise.resolve()

  constructor(options: KeyRetirementOptions) {
    this.#options = options
  }

  /** Goes through all files, after an earlier run has; it never rejects. */
  run(): Promise<void> {
    this.#last = this.#last.then(async () => {
      for (const file of this.#options.files) await this.#retireConfig(file)
    })
    return this.#last
  }

  async #retireConfig(file: string): Promise<void> {
    const { name } = this.#options
    await this.#attempt(file, async () => {
      const source = await textOf(file)
      const { text, keyFiles, systemdCredentials } = retireInText(source, name)
      if (text !== source) await this.#replace(file, text)
      for (const each of keyFiles) await this.#retireKeyFile(resolve(dirname(file), each))
      for (const each of systemdCredentials) await this.#lookAtCredential(each)
    })
  }

  async #lookAtCredential(credential: string): Promise<void> {
    const { credentialsDirectory, name } = this.#options
    if (credentialsDirectory === null) return
    const isKey = derivedInPlaceOf(await textOf(join(credentialsDirectory, credential)), name) !== null
    if (isKey) this.#stays(`the systemd credential ${credential}`, 'the agent cannot replace it')
  }

  async #retireKeyFile(file: string): Promise<void> {
    await this.#attempt(file, async () => {
      const text = derivedInPlaceOf(await textOf(file), this.#options.name)
      if (text !== null) await this.#replace(file, text)
    })
  }

  /** Behind a link, the file that it leads to is replaced and the link stays. */
  async #replace(file: string, text: string): Promise<void> {
    const path = await realpath(file)
    const { mode, uid, gid, nlink } = await stat(path)
    await replaceFile(path, { text, mode: mode & MODE_BITS, owner: { uid, gid } }, this.#options.calls)
    this.#options.log.info({ file }, 'the provisioning key was replaced by the secret derived from it')
    if (nlink > 1) this.#stays(file, 'the old file has another name (hard link)')
  }

  async #attempt(file: string, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      const reason = reasonOf(error)
      // A layer that is laid over may name what is not there.
      if (reason !== 'ENOENT') this.#stays(file, reason)
    }
  }

  #stays(place: string, reason: string): void {
    if (this.#told.has(place)) return
    this.#told.add(place)
    this.#options.log.warn({ place, reason, remedy: REMEDY }, `the provisioning key stays in ${place}: ${reason}; ${REMEDY}`)
  }
}

/** Never an error's text, which may quote what was read. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error ? String(error.code) : error.name
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : code
}

/** A file that is not UTF-8 would not come out as it went in. */
const textOf = async (file: string): Promise<string> =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file))
