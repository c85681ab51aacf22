/** A device that ssh reaches. Its host key is checked as ssh is told to; no password is asked for. */
import { base64Lines, NO_SUCH_FILE, readCommand, writeCommand } from './remote-commands.ts'
import { runTool, type ToolResult } from './run-tool.ts'
import { type Target, TargetError } from './target.ts'

const CONNECT_TIMEOUT_S = 10
/** ssh's own failure, not the command's. */
const SSH_FAILED = 255

/** `destination` as ssh takes it, `options` as its -o takes them. */
export function openSsh(destination: string, port: string | null, options: readonly string[]): Target {
  const always = ['BatchMode=yes', `ConnectTimeout=${CONNECT_TIMEOUT_S}`, 'LogLevel=ERROR']
  const flags = [...options, ...always].flatMap((option) => ['-o', option])
  const run = async (command: string, stdin?: Uint8Array): Promise<ToolResult> => {
    const result = await runTool(
      'ssh',
      [...flags, ...(port === null ? [] : ['-p', port]), '--', destination, command],
      'openssh-client',
      stdin,
    )
    if (result.exitCode === SSH_FAILED) throw new TargetError(`${destination}: ${lastLine(result.stderr)}`)
    return result
  }
  return {
    async read(path) {
      const { exitCode, stdout, stderr } = await run(readCommand(path))
      if (exitCode === NO_SUCH_FILE) return null
      if (exitCode !== 0) throw new TargetError(`${destination}: ${path} cannot be read: ${lastLine(stderr)}`)
      return Buffer.from(Buffer.from(stdout).toString('latin1'), 'base64')
    },
    async write(path, bytes, access) {
      const { exitCode, stderr } = await run(writeCommand(path, access), Buffer.from(base64Lines(bytes)))
      if (exitCode !== 0) throw new TargetError(`${destination}: ${path} cannot be written: ${lastLine(stderr)}`)
    },
    close: async () => {},
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
