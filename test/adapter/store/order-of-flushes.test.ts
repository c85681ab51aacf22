import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StateFolder } from './state-folder.ts'

/** What strace saw the process do to the state directory, in order; paths are relative to it. */
function traceOfSwap(folder: StateFolder): readonly string[] {
  const output = join(folder.root, 'strace.txt')
  const program = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'store-process.ts'), folder.path, 'swap']
  // strace numbers nothing across threads: with one worker all file operations come from it, in order.
  execFileSync('strace', ['-f', '-y', '-e', 'trace=fsync,rename,renameat,renameat2,write', '-o', output, ...program], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: 'pipe',
  })
  return readFileSync(output, 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder.path))
    .flatMap((line) => {
      const call = /^\d+\s+(\w+)\(/.exec(line)?.[1] ?? ''
      const paths = [...line.matchAll(/[<"]([^<">]*)[">]/g)].map(([, path = '']) => path).filter((path) => path.startsWith(folder.root))
      return [`${call} ${paths.map((path) => path.slice(folder.path.length + 1) || '(directory)').join(' ')}`]
    })
}

test('the kernel is asked to write, flush, rename and flush the directory, in this order, for every file', () => {
  const written = (name: string): readonly string[] => [
    `write .${name}.tmp`,
    `fsync .${name}.tmp`,
    `rename .${name}.tmp ${name}`,
    'fsync (directory)',
  ]
  const trace = traceOfSwap(new StateFolder())
  expect(trace).toEqual([...written('nonce'), ...written('pending.json'), 'rename pending.json current.json', 'fsync (directory)'])
})

test('a new state directory is made durable in its parent before anything is put into it', () => {
  const folder = new StateFolder()
  const output = join(folder.root, 'strace.txt')
  const program = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'store-process.ts'), folder.path, 'probe']
  execFileSync('strace', ['-f', '-y', '-e', 'trace=fsync,mkdir,mkdirat', '-o', output, ...program], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: 'pipe',
  })
  const lines = readFileSync(output, 'utf8').split('\n')
  const madeAt = lines.findIndex((line) => line.includes(`mkdir("${folder.path}", 0700)`))
  const flushedAt = lines.findIndex((line) => line.includes('fsync(') && line.includes(`<${folder.root}>`))
  expect(madeAt).toBeGreaterThanOrEqual(0)
  expect(flushedAt).toBeGreaterThan(madeAt)
})
