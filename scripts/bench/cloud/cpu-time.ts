/** CPU time of processes: what a rate hides on a machine that others use as well. */
import { readdirSync, readFileSync } from 'node:fs'

/** The kernel counts in hundredths of a second (proc(5), USER_HZ). */
const TICK_MS = 10

/** What a process and its children have used so far, in ms. */
export function cpuMs(pid: number): number {
  const own = readStat(pid)
  if (own === null) return 0
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), stat: readStat(Number(name)) }))
    .filter(({ stat }) => stat?.parent === pid)
  return own.usedMs + children.reduce((sum, child) => sum + (child.stat?.usedMs ?? 0), 0)
}

/** Fields of /proc/<pid>/stat behind the name, which may hold spaces; null where the process has ended. */
function readStat(pid: number): { readonly parent: number; readonly usedMs: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), usedMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS }
  } catch {
    return null
  }
}
