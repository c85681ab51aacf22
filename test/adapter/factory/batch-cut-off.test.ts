/** A run of `batch create` that is cut off at any moment: what is there is whole and listed, and the same command makes the rest. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Ended, ProductionLine } from './production-line.ts'

const DEVICES = 1200
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
    [0, 0, 500, DEVICES],
    [1, 500, 500, DEVICES],
    [2, 1000, 200, DEVICES],
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
  const at = new ProductionLine()
  await at.makeFactoryKey()
  return at
}

/** Kills the program as it comes to a system call for the n-th time. */
const killedAt = (call: string, nth: number): readonly string[] => [
  'strace',
  ...['-f', '--quiet=all', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`],
]

describe('a run that is killed', () => {
  it.each([
    ['as it appends to log and manifest', 'pwrite64', 9],
    ['before a file has its name', 'rename', 1],
    ['amid the names of the first group', 'rename', 250],
    ['as it makes names durable', 'fsync', 5],
    ['amid the names of the last group', 'rename', 1100],
    ['before the sums have their name', 'rename', 1201],
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
    const short = at
      .read('trace')
      .split('\n')
      .map((call) => {
        if (/openat\(.*\/b\/configs\/\..*O_CREAT/.test(call)) return 'w'
        if (/pwrite64\(.*\/b\/(registration|run-log)/.test(call)) return 'a'
        if (/syncfs\(.*\/b>/.test(call)) return 'S'
        if (/rename\(.*\/b\/configs\//.test(call)) return 'r'
        return /fsync\(.*\/b\/configs>/.test(call) ? 'F' : ''
      })
    // Files and manifest, all synced; names, made durable; then `committed`. Three times, and `started` and `finished` around it.
    expect(short.join('')).toMatch(/^a(w{500}a+Sr{500}Fa){2}w{200}a+Sr{200}Faa$/)
  })

  it('at any moment, again and again, comes to the same end', async () => {
    const at = await line()
    let before: ReadonlyMap<string, string> = new Map()
    let ended: Ended | null = null
    for (let waitMs = 150; ended === null; waitMs += 150) {
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
    const many = [...command(at).map((each) => (each === String(DEVICES) ? '4000' : each))]
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
    expect(size % 500).toBe(0)
    expect(stderr).toContain(
      `interrupted\n${at.path('b')}: ${size} of 4000 devices are done, listed in run-log.ndjson; the same command goes on\n`,
    )
    const again = await at.run([...many, '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, devices: 4000, before: size })
  })
})

describe('a run on a disk that becomes full', () => {
  it('leaves whole groups only, says so in a line, and goes on when there is room', async () => {
    const at = await line()
    execFileSync('mkdir', [at.path('disk')])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=5m', 'tmpfs', at.path('disk')])
    onTestFinished(() => void execFileSync('umount', [at.path('disk')]))
    const onDisk = [...command(at, 'disk/b'), '--index', 'issued-ids.csv']
    const ended = await at.run(onDisk)
    expect(ended.code).toBe(74)
    const before = configs(at, 'disk/b')
    expect(ended.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/the disk is full: make room$/),
      `${at.path('disk/b')}: ${before.size} of ${DEVICES} devices are done, listed in run-log.ndjson; the same command goes on`,
    ])
    expect([500, 1000]).toContain(before.size)
    expect(readdirSync(at.path('disk/b/configs')).filter((name) => name.startsWith('.'))).toEqual([])
    execFileSync('mount', ['-o', 'remount,size=50m', at.path('disk')])
    expect(await at.run(onDisk)).toMatchObject({ code: 0 })
    expectWhole(at, before, 'disk/b')
  })
})

describe('two runs at once', () => {
  it('on one folder: the second is refused and disturbs nothing', async () => {
    const at = await line()
    const many = command(at).map((each) => (each === String(DEVICES) ? '4000' : each))
    const first = at.start(many)
    const exit = once(first, 'exit')
    while (!readdirSync(at.folder).includes('b') || !readdirSync(at.path('b')).includes('configs') || configs(at).size === 0)
      await setTimeout(5)
    expect(await at.run(many)).toMatchObject({ code: 75, stderr: `${at.path('b')}: another run works with it: wait for its end\n` })
    expect((await exit)[0]).toBe(0)
    expect(configs(at).size).toBe(4000)
  })

  it('of the same ids into two folders: one of them gets them', async () => {
    const at = await line()
    const runs = await Promise.all([at.run(command(at)), at.run(command(at, 'c'))])
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 65])
    expect(runs.find(({ code }) => code === 65)?.stderr).toMatch(/SN-0001 was given out before, by batch [a-z2-7]{26}/)
  })
})
