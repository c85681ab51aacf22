/** Ends a process and its children as a power cut would: all at once, and nothing of them is left when it is done. */
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

/** Kills them. The parent is stopped first, so that it has no child meanwhile that nobody knows of. */
export async function killTree(pid: number): Promise<void> {
  killIfThere(pid, 'SIGSTOP')
  await until(async () => 'TZ-'.includes(await stateOf(pid)))
  const tree = [pid, ...(await childrenOf(pid))]
  for (const each of tree) killIfThere(each, 'SIGKILL')
  for (const each of tree) await until(async () => 'Z-'.includes(await stateOf(each)))
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(1)
}

/** As in proc(5): T for stopped, Z for ended and not waited for; `-` for gone. */
async function stateOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // After the name, which may hold spaces and brackets.
  return text === '' ? '-' : text.slice(text.lastIndexOf(')') + 2).charAt(0)
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text
    .split(' ')
    .filter((child) => child !== '')
    .map(Number)
}

function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}
