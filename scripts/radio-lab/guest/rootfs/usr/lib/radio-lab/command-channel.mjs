// Runs what the host asks for, over a virtio-serial port, in JSON lines.
//   host:  {id, script, timeoutMs, stream}   {id, stop: true}
//   guest: {event: 'ready', bootId}   {id, line}   {id, exitCode, stdout, stderr}   exitCode is 'timeout' or a signal's name if that ended it
import { spawn, spawnSync } from 'node:child_process'
import { openSync, read, readFileSync, writeSync } from 'node:fs'

const port = openSync('/dev/virtio-ports/lab.command', 'r+')
const running = new Map()

function send(message) {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`)
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(port, bytes, sent)
}

function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function run({ id, script, timeoutMs, stream }) {
  const child = spawn('/bin/bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const output = { stdout: '', stderr: '' }
  let timedOut = false
  let partOfLine = ''
  const timer = stream
    ? undefined
    : setTimeout(() => {
        timedOut = true
        endGroup(child)
      }, timeoutMs)
  running.set(id, child)

  child.stdout.setEncoding('utf8').on('data', (text) => {
    if (!stream) {
      output.stdout += text
      return
    }
    const lines = (partOfLine + text).split('\n')
    partOfLine = lines.pop()
    for (const line of lines) send({ id, line })
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text
  })

  const finish = (code, signal) => {
    if (!running.delete(id)) return
    clearTimeout(timer)
    send({ id, exitCode: timedOut ? 'timeout' : (code ?? signal), ...output })
  }
  child.on('close', finish)
  // A daemon started by the script may hold the pipes open for ever: do not wait for it.
  child.on('exit', (code, signal) => setTimeout(finish, 100, code, signal))
}

function handle(message) {
  if (!message.stop) return run(message)
  const child = running.get(message.id)
  if (child) endGroup(child)
}

let received = ''
function receive() {
  read(port, Buffer.alloc(65536), 0, 65536, null, (error, count, bytes) => {
    // Zero bytes: the host is not connected (yet).
    if (error || count === 0) return setTimeout(receive, 50)
    const lines = (received + bytes.toString('utf8', 0, count)).split('\n')
    received = lines.pop()
    for (const line of lines) handle(JSON.parse(line))
    receive()
  })
}

receive()
spawnSync('systemd-notify', ['--ready'])
send({ event: 'ready', bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() })
