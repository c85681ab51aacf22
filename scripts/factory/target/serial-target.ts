/** A device with a shell on its serial console, logged in already. What it prints besides, such as kernel messages, is passed over. */
import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { lockFile } from '../lock.ts'
import { base64Lines, NO_SUCH_FILE, readCommand, writeCommand } from './remote-commands.ts'
import { runTool } from './run-tool.ts'
import { type Target, TargetError } from './target.ts'

const ANSWER_TIMEOUT_MS = 5_000
const END_OF_INPUT = 'END-OF-FILE'
/** No echo and no prompts while we talk; as it was afterwards. */
const QUIET = 'ZIPKEY_PS1=$PS1 ZIPKEY_PS2=$PS2 PS1= PS2=; stty -echo'
const AS_BEFORE = 'PS1=$ZIPKEY_PS1 PS2=$ZIPKEY_PS2; stty echo'

/** Opens the console; `baud` null leaves the line as it is set. */
export async function openSerial(device: string, baud: string | null): Promise<Target> {
  const fd = openTerminal(device)
  try {
    await lockFile(fd, device, 'refuse')
    const speed = baud === null ? [] : [baud]
    const set = await runTool('stty', ['-F', device, ...speed, 'raw', '-echo', '-hupcl', 'clocal'], 'coreutils')
    if (set.exitCode !== 0) throw new TargetError(`${device}: ${set.stderr}`)
    const console = new SerialConsole(device, fd)
    try {
      await console.run(QUIET)
    } catch (error) {
      await console.close()
      throw error
    }
    return targetOn(device, console)
  } catch (error) {
    if (!(error instanceof TargetError)) closeSync(fd)
    throw error
  }
}

function openTerminal(device: string): number {
  try {
    return openSync(device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  } catch (error) {
    throw new TargetError(`${device}: cannot be opened (${error instanceof Error && 'code' in error ? error.code : ''})`)
  }
}

function targetOn(device: string, console: SerialConsole): Target {
  return {
    async read(path) {
      const { exitCode, output } = await console.run(readCommand(path))
      if (exitCode === NO_SUCH_FILE) return null
      if (exitCode !== 0) throw new TargetError(`${device}: ${path} cannot be read: ${output.trim()}`)
      return Buffer.from(output, 'base64')
    },
    async write(path, bytes, access) {
      const input = `${base64Lines(bytes)}${END_OF_INPUT}\n`
      const { exitCode, output } = await console.run(`${writeCommand(path, access)} <<'${END_OF_INPUT}'`, input)
      if (exitCode !== 0) throw new TargetError(`${device}: ${path} cannot be written: ${output.trim()}`)
    },
    close: async () => console.close(),
  }
}

/** Commands and their answers; each answer stands between two lines that nothing else prints. */
class SerialConsole {
  readonly #device: string
  readonly #terminal: ReadStream
  #heard = ''
  #hasAnswered = false
  #wake: () => void = () => {}

  constructor(device: string, fd: number) {
    this.#device = device
    this.#terminal = new ReadStream(fd)
    this.#terminal.setEncoding('latin1')
    this.#terminal.on('data', (text: string) => {
      this.#heard += text
      this.#wake()
    })
    this.#terminal.on('error', () => this.#wake())
  }

  /**
   * Runs a command. The marks are put together on the device, so that an echo of the line is not taken for the answer, and stand on
   * the command's own line, so that a shell that echoes what it reads puts nothing between.
   */
  async run(command: string, input = ''): Promise<{ readonly exitCode: number; readonly output: string }> {
    const mark = randomBytes(8).toString('hex')
    this.#heard = ''
    this.#terminal.write(`printf '\\n%s-%s\\n' BEGIN ${mark}; ${command}; printf '\\n%s-%s-%s\\n' END ${mark} $?\n${input}`)
    const answer = new RegExp(`BEGIN-${mark}\\r*\\n([\\s\\S]*?)\\r*\\nEND-${mark}-(\\d+)\\r*\\n`)
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    for (;;) {
      const found = answer.exec(this.#heard)
      if (found !== null) {
        this.#hasAnswered = true
        return { output: found[1] ?? '', exitCode: Number(found[2]) }
      }
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0 || this.#terminal.destroyed)
        throw new TargetError(`${this.#device}: no shell answers: log in on it, check speed and cable`)
      await this.#somethingHeard(leftMs)
    }
  }

  /** Leaves the shell as it was. */
  async close(): Promise<void> {
    if (this.#hasAnswered && !this.#terminal.destroyed) await this.run(AS_BEFORE).catch(() => undefined)
    this.#terminal.destroy()
  }

  #somethingHeard(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
