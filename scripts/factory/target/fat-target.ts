/** A FAT file system, by mtools. */
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { runTool, type ToolResult } from './run-tool.ts'
import { type Target, TargetError } from './target.ts'

const UNFINISHED = '.new'

/** Opens the one at this offset of an image or block device. */
export function openFat(file: string, offset: number): Target {
  const image = ['-i', `${file}@@${offset}`]
  const run = (
    program: 'mcopy' | 'mmd' | 'mdir' | 'mdel' | 'mren',
    parameters: readonly string[],
    stdin?: Uint8Array,
  ): Promise<ToolResult> => runTool(program, [...image, ...parameters], 'mtools', stdin)
  return {
    async read(path) {
      const { exitCode, stdout, stderr } = await run('mcopy', [`::${path}`, '-'])
      if (exitCode === 0) return stdout
      if (/not found|no match/i.test(stderr)) return null
      throw new TargetError(`${file}: ${path} cannot be read: ${stderr}`)
    },
    async write(path, bytes) {
      await makeFolders(run, dirname(path))
      const must = ({ exitCode, stderr }: ToolResult): void => {
        if (exitCode !== 0) throw new TargetError(`${file}: ${path} cannot be written: ${/full/i.test(stderr) ? 'it is full' : stderr}`)
      }
      // Under another name first: what is cut off is no config that a device would take, or a station for another's.
      must(await run('mcopy', ['-o', '-', `::${path}${UNFINISHED}`], bytes))
      // FAT renames onto nothing only; there need be none.
      await run('mdel', [`::${path}`])
      must(await run('mren', [`::${path}${UNFINISHED}`, `::${path}`]))
      syncFile(file)
    },
    close: async () => {},
  }
}

/** Programs of mtools leave what they wrote to an image in memory. */
function syncFile(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

type Run = (program: 'mmd' | 'mdir', parameters: readonly string[]) => Promise<ToolResult>

async function makeFolders(run: Run, folder: string): Promise<void> {
  if (folder === '/' || (await run('mdir', ['-b', `::${folder}`])).exitCode === 0) return
  await makeFolders(run, dirname(folder))
  // What goes wrong here shows when the file is written.
  await run('mmd', [`::${folder}`])
}
