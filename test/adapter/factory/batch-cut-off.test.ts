/** A run of `batch create` that is cut off at any moment: what is there is whole and listed, and the same command makes the rest. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryFolder } from '../../../scripts/factory/memory-folder.ts'
import { type Ended, ProductionLine } from './production-line.ts'

const DEVICES = 2200
const KILLED = 'SIGKILL'

type Config = { readonly device: { readonly id: string }; readonly credentials: readonly [{ readonly secret: string }] }

/** The configs in the folder; each of them must be whole. */
function configs(at: ProductionLine, folder = 'b'): ReadonlyMap<string, string> {
  const names = readdirSync(at.path(`${folder}/configs`)).filter((name) => !name.startsWith('.'))
  return new Map(names.map((name) => [name, secretIn(readFileSync(at.path(`${folder}/configs/${name}`), 'utf8'), name)]))
}

function secretIn(text: string, name: string): string {
  const { device, credentials }: Config = JSON.parse(text)
  expect(`${device.id}.json`).toBe(name)
  return credentials[0].secret
}

/** All is there once, nothing was issued twice, and everything agrees. */
function expectWhole(at: ProductionLine, before: ReadonlyMap<string, string>, folder = 'b'): void {
  const after = configs(at, folder)
  expect(after.size).toBe(DEVICES)
  for (const [name, secret] of before) expect([name, after.get(name)]).toEqual([name, secret])
  expect(readdirSync(at.path(`${folder}/configs`)).filter((name) => name.startsWith('.'))).toEqual([])
  const parts = at.readManifest(`${folder}/registration.ndjson.jwe`)
  expect(parts.map(({ jws }) => [jws.part, jws.from, jws.rows, jws.of])).toEqual([
    [0, 0, 1000, DEVICES],
    [1, 1000, 1000, DEVICES],
    [2, 2000, 200, DEVICES],
  ])
  const rows = parts.flatMap(({ text }) => text.trimEnd().split('\n')).map((row) => JSON.parse(row))
  expect(new Map(rows.map(({ id, secret }) => [`${id}.json`, secret]))).toEqual(after)
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: at.path(folder) })
  const given = at.read('issued-ids.csv').trimEnd().split('\n')
  expect([given.length, new Set(given).size]).toEqual([DEVICES, DEVICES])
}

const command = (at: ProductionLine, folder = 'b'): readonly string[] =>
  at.batch(folder, '--count', String(DEVICES), '--pattern', 'SN-{0001..}', '--credential', 'shared-secret')

async function line(): Promise<ProductionLine> {
  // In memory: what is tested is the order of things, and a disk would wait for the files of the tests before.
  const at = new ProductionLine(onTestFinished, memoryFolder())
  await at.makeFactoryKey()
  return at
}

/** Kills the program as it comes to a system call for the n-th time. */
const killedAt = (call: string, nth: number): readonly string[] => [
  'strace',
  ...['-f', '--quiet=all', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`],
]

/** A system call that matters: a file written, something appended, all synced, a name given, names made durable. */
function stepOf(call: string): readonly { readonly kind: 'w' | 'a' | 'S' | 'r' | 'F'; readonly id: string }[] {
  const id = /configs\/\.?(SN-\d+)\.json/.exec(call)?.[1] ?? ''
  if (/openat\(.*\/b\/configs\/\..*O_CREAT/.test(call)) return [{ kind: 'w', id }]
  if (/pwrite64\(.*\/b\/(registration|run-log|SHA256SUMS)/.test(call)) return [{ kind: 'a', id }]
  if (/syncfs\(.*\/b>/.test(call)) return [{ kind: 'S', id }]
  if (/rename\(.*\/b\/configs\//.test(call)) return [{ kind: 'r', id }]
  return /fsync\(.*\/b\/configs>/.test(call) ? [{ kind: 'F', id }] : []
}

describe('a run that is killed', () => {
  it.each([
    ['as it appends to log and manifest', 'pwrite64', 9],
    ['before a file has its name', 'rename', 1],
    ['amid the names of the first group', 'rename', 500],
    ['as it makes names durable', 'fsync', 5],
    ['amid the names of the last group', 'rename', 2100],
    ['before it says that it is finished', 'fsync', 8],
  ])('%s goes on with the same command, and issues nothing twice', async (_, call, nth) => {
    const at = await line()
    const killed = await at.run(command(at), killedAt(call, nth))
    expect(killed.code).toBe(KILLED)
    const before = readdirSync(at.folder).includes('b') ? configs(at) : new Map<string, string>()
    expect(await at.run(command(at))).toMatchObject({ code: 0, stderr: '' })
    expectWhole(at, before)
  })

  it('could as well lose its power: nothing has its name before everything is on the disk', async () => {
    const at = await line()
    const calls = 'trace=openat,pwrite64,syncfs,rename,fsync'
    expect(await at.run(command(at), ['strace', '-f', '-y', '--quiet=all', '-o', at.path('trace'), '-e', calls])).toMatchObject({ code: 0 })
    const steps = at.read('trace').split('\n').flatMap(stepOf)
    const writtenAt = new Map(steps.flatMap(({ kind, id }, index) => (kind === 'w' ? [[id, index] as const] : [])))
    expect(writtenAt.size).toBe(DEVICES)
    let syncedAt = -1
    for (const [index, { kind, id }] of steps.entries()) {
      if (kind === 'S') syncedAt = index
      if (kind === 'r') expect([id, syncedAt > (writtenAt.get(id) ?? Number.NaN)]).toEqual([id, true])
    }
    // `started`; then manifest and log, synced; names, made durable; `committed`, three times; `finished`.
    const others = steps.map(({ kind }) => kind).filter((kind) => kind !== 'w')
    expect(others.join('')).toMatch(/^a(a+Sr{1000}F){2}a+Sr{200}Fa+$/)
  })

  it('at any moment, again and again, comes to the same end', async () => {
    const at = await line()
    let before: ReadonlyMap<string, string> = new Map()
    let ended: Ended | null = null
    for (let waitMs = 120; ended === null; waitMs += 60) {
      const run = at.start(command(at))
      const exit = once(run, 'exit')
      const isOver = await Promise.race([exit.then(() => true), setTimeout(waitMs, false)])
      run.kill('SIGKILL')
      await exit
      if (isOver) ended = await at.run(command(at))
      const now = readdirSync(at.folder).includes('b') && readdirSync(at.path('b')).includes('configs') ? configs(at) : before
      for (const [name, secret] of before) expect([name, now.get(name)]).toEqual([name, secret])
      before = now
    }
    expectWhole(at, before)
  })
})

describe('a run that is interrupted by Ctrl-C', () => {
  it('says how far it came, and goes on with the same command', async () => {
    const at = await line()
    const many = [...command(at).map((each) => (each === String(DEVICES) ? '6000' : each))]
    const run = at.start(many)
    let stderr = ''
    run.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const exit = once(run, 'exit')
    while (!readdirSync(at.folder).includes('b') || !readdirSync(at.path('b')).includes('configs') || configs(at).size === 0)
      await setTimeout(5)
    run.kill('SIGINT')
    expect((await exit)[0]).toBe(130)
    const { size } = configs(at)
    expect(size % 1000).toBe(0)
    expect(stderr).toContain(
      `interrupted\n${at.path('b')}: ${size} of 6000 devices are done, listed in run-log.ndjson; the same command goes on\n`,
    )
    const again = await at.run([...many, '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, devices: 6000, before: size })
  })
})

describe('a run on a disk that becomes full', () => {
  it('leaves whole groups only, says so in a line, and goes on when there is room', async () => {
    const at = await line()
    execFileSync('mkdir', [at.path('disk')])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=7m', 'tmpfs', at.path('disk')])
    onTestFinished(() => void execFileSync('umount', [at.path('disk')]))
    const onDisk = [...command(at, 'disk/b'), '--index', 'issued-ids.csv']
    const ended = await at.run(onDisk)
    expect(ended.code).toBe(74)
    const before = configs(at, 'disk/b')
    expect(ended.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/the disk is full: make room$/),
      `${at.path('disk/b')}: ${before.size} of ${DEVICES} devices are done, listed in run-log.ndjson; the same command goes on`,
    ])
    expect(before.size).toBe(1000)
    expect(readdirSync(at.path('disk/b/configs')).filter((name) => name.startsWith('.'))).toEqual([])
    execFileSync('mount', ['-o', 'remount,size=50m', at.path('disk')])
    expect(await at.run(onDisk)).toMatchObject({ code: 0 })
    expectWhole(at, before, 'disk/b')
  })
})

describe('two runs at once', () => {
  it('on one folder: the second is refused, and disturbs nothing', async () => {
    const at = await line()
    await at.run(command(at))
    const before = configs(at)
    const first = spawn('flock', [at.path('b'), 'sleep', '60'], { stdio: 'ignore', detached: true })
    onTestFinished(() => void process.kill(-(first.pid ?? 0)))
    await setTimeout(200)
    expect(await at.run(command(at))).toMatchObject({ code: 75, stderr: `${at.path('b')}: another run works with it: wait for its end\n` })
    expectWhole(at, before)
  })

  it('of the same ids into two folders: one of them gets them', async () => {
    const at = await line()
    const runs = await Promise.all([at.run(command(at)), at.run(command(at, 'c'))])
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 65])
    expect(runs.find(({ code }) => code === 65)?.stderr).toMatch(/SN-0001 was given out before, by batch [a-z2-7]{26}/)
  })
})
