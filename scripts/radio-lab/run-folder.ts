import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { labFolder } from './lab-folder.ts'

/** Gives a new folder for one lab's disks, sockets and logs, and removes those of labs whose program was killed. */
export function createRunFolder(): string {
  for (const name of readdirSync(labFolder())) {
    const folder = join(labFolder(), name)
    if (name.startsWith('run-') && isAbandoned(join(folder, 'qemu.pid'))) rmSync(folder, { recursive: true, force: true })
  }
  return mkdtempSync(join(labFolder(), 'run-'))
}

/** QEMU removes its file when it ends in good order; one that is still there may belong to a machine that was killed. */
function isAbandoned(pidFile: string): boolean {
  if (!existsSync(pidFile)) return false
  const pid = readFileSync(pidFile, 'utf8').trim()
  return pid !== '' && !existsSync(`/proc/${pid}`)
}
