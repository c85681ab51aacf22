// Reads what any process shows of itself: a new one at once, all of them again every second, since a process may write over
// its own arguments. Prints each text once.
import { readdirSync, readFileSync } from 'node:fs'

const NEW_MS = 50
const AGAIN_MS = 1000
const seen = new Set()
let known = new Set()
let rounds = 0
let againAtMs = 0
const startedMs = performance.now()

function read(pid) {
  for (const name of ['cmdline', 'environ']) {
    try {
      const text = readFileSync(`/proc/${pid}/${name}`, 'latin1')
      if (seen.has(text)) continue
      seen.add(text)
      process.stdout.write(Buffer.from(`${text}\n`, 'latin1'))
    } catch {
      // It has ended meanwhile.
    }
  }
}

function sample() {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const again = performance.now() >= againAtMs
  if (again) againAtMs = performance.now() + AGAIN_MS
  for (const pid of pids) if (again || !known.has(pid)) read(pid)
  // What was new may not have called execve yet.
  known = new Set(pids.filter((pid) => again || known.has(pid)))
  rounds += 1
}

const timer = setInterval(sample, NEW_MS)
process.once('SIGTERM', () => {
  clearInterval(timer)
  const everyMs = Math.round((performance.now() - startedMs) / rounds)
  process.stderr.write(`${rounds} times, every ${everyMs} ms, ${seen.size} different texts\n`)
  process.exit(0)
})
