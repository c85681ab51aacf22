/** A FAT file system, by mtools. */
import { dirname } from 'node:path'
import { runTool, type ToolResult } from './run-tool.ts'
import { type Target, TargetError } from './target.ts'

/** Opens the one at this offset of an image or block device. */
export function openFat(file: string, offset: number): Target {
  const image = ['-i', `${file}@@${offset}`]
  const run = (program: 'mcopy' | 'mmd' | 'mdir', parameters: readonly string[], stdin?: Uint8Array): Promise<ToolResult> =>
    runTool(program, [...image, ...parameters], 'mtools', stdin)
  return {
    async read(path) {
      const { exitCode, stdout, stderr } = await run('mcopy', [`::${path}`, '-'])
      if (exitCode === 0) return stdout
      if (/not found|no match/i.test(stderr)) return null
      throw new TargetError(`${file}: ${path} cannot be read: ${stderr}`)
    },
    async write(path, bytes) {
      await makeFolders(run, dirname(path))
      const { exitCode, stderr } = await run('mcopy', ['-o', '-', `::${path}`], bytes)
      if (exitCode !== 0) throw new TargetError(`${file}: ${path} cannot be written: ${/full/i.test(stderr) ? 'it is full' : stderr}`)
    },
    close: async () => {},
  }
}

type Run = (program: 'mmd' | 'mdir', parameters: readonly string[]) => Promise<ToolResult>

async function makeFolders(run: Run, folder: string): Promise<void> {
  if (folder === '/' || (await run('mdir', ['-b', `::${folder}`])).exitCode === 0) return
  await makeFolders(run, dirname(folder))
  // What goes wrong here shows when the file is written.
  await run('mmd', [`::${folder}`])
}
