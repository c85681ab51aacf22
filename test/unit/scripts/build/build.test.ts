import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { compileBundle, WRAPPER, writeCache } from '../../../../scripts/build/code-cache.ts'
import { lean } from '../../../../scripts/build/lean.ts'
import { licensesOf, packageFolder } from '../../../../scripts/build/licenses.ts'
import { openSilentBus } from '../../../../scripts/build/silent-bus.ts'

const makeScratch = (): string => mkdtempSync(join(tmpdir(), 'zipkey-build-'))

describe('the licences of a bundle', () => {
  it.each([
    ['node_modules/pino/lib/tools.js', 'node_modules/pino'],
    ['node_modules/@pinojs/redact/index.js', 'node_modules/@pinojs/redact'],
    ['node_modules/a/node_modules/b/x.js', 'node_modules/a/node_modules/b'],
    ['agent/main.ts', null],
    ['stand-in:assert', null],
  ])('finds the package of %s', (input, folder) => {
    expect(packageFolder(input)).toBe(folder)
  })

  it('holds each package once, from its licence file or its README', () => {
    const root = makeScratch()
    const put = (name: string, files: Readonly<Record<string, string>>): void => {
      mkdirSync(join(root, 'node_modules', name), { recursive: true })
      for (const [file, text] of Object.entries(files)) writeFileSync(join(root, 'node_modules', name, file), text)
    }
    put('b', { 'package.json': '{"name":"b","version":"1.0.0","license":"MIT"}', LICENCE: 'Copyright B\n' })
    put('a', { 'package.json': '{"name":"a","version":"2.0.0","license":"ISC"}', 'README.md': '# a\n\nhello\n\n## License\n\nCopyright A' })
    put('c', { 'package.json': '{"name":"c","version":"3.0.0","license":"BSD"}' })
    const text = licensesOf(root, [
      'node_modules/b/x.js',
      'node_modules/a/x.js',
      'node_modules/b/y.js',
      'node_modules/c/x.js',
      'agent/main.ts',
    ])
    expect(text.match(/^[abc] .*$/gm)).toEqual(['a 2.0.0: ISC', 'b 1.0.0: MIT', 'c 3.0.0: BSD'])
    expect(text.match(/Copyright ./g)).toEqual(['Copyright A', 'Copyright B'])
    expect(text).not.toContain('hello')
    expect(text).toContain('(c 3.0.0: BSD; the package carries no licence text)')
  })
})

describe('the code cache', () => {
  const wrapped = (text: string): string => WRAPPER.join(text)
  const makeBundle = (): string => {
    const file = join(makeScratch(), 'zipkey-agent.bundle.cjs')
    writeFileSync(file, wrapped('module.exports = { sum: (a, b) => a + b, name: __filename }'))
    return file
  }

  it('is taken for the bundle that it was made of, and refused for another', () => {
    const file = makeBundle()
    const fresh = compileBundle(file)
    expect(fresh.cachedDataRejected).toBeUndefined()
    writeCache(file, fresh)
    expect(compileBundle(file).cachedDataRejected).toBe(false)
    writeFileSync(file, wrapped('module.exports = { sum: () => 0 }'))
    expect(compileBundle(file).cachedDataRejected).toBe(true)
  })

  it('leaves the bundle what it is: a CommonJS module', () => {
    const file = makeBundle()
    writeCache(file, compileBundle(file))
    const module: { exports: unknown } = { exports: {} }
    compileBundle(file).runInThisContext()(module.exports, () => null, module, file, '/')
    expect(module.exports).toMatchObject({ name: file })
  })
})

describe('the lean bundle', () => {
  async function bundled(files: Readonly<Record<string, string>>): Promise<string> {
    const root = makeScratch()
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(root, file, '..'), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    const entry = join(root, Object.keys(files)[0] ?? '')
    const { outputFiles } = await build({
      entryPoints: [entry],
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
      plugins: [lean],
      logLevel: 'silent',
    })
    return outputFiles[0]?.text ?? ''
  }
  const everything = {
    'agent/main.ts':
      "import https from 'node:https'\nimport { createInterface } from 'node:readline'\nimport { connect } from 'node:tls'\nimport forge from 'node-forge'\nimport '../node_modules/pino/x.js'\nconsole.log(https.request, createInterface, connect, forge.pki)",
    'node_modules/node-forge/lib/forge.js': 'module.exports = {}',
    'node_modules/node-forge/lib/pkcs12.js': "globalThis.evaluated = true; require('./forge').pki = 'the keys'",
    'node_modules/pino/x.js': "console.log(require('assert'), require('worker_threads'))",
  }

  it('loads nothing of the table when it starts', async () => {
    const script = await bundled({
      ...everything,
      'agent/main.ts': everything['agent/main.ts'].replace(
        /console.*/,
        'globalThis.late = () => [globalThis.evaluated, https.globalAgent, forge.pki, createInterface, connect].slice(0, 3)',
      ),
    })
    const loaded: string[] = []
    const run = new Function('require', 'module', `${script}; return globalThis.late()`)
    const answer: unknown = run((name: string) => {
      loaded.push(name)
      return { globalAgent: 'the real one' }
    }, {})
    expect([loaded, answer]).toEqual([['node:https'], [undefined, 'the real one', 'the keys']])
  })

  it('fails on a member that the table does not have', async () => {
    const entry = everything['agent/main.ts'].replaceAll('createInterface', 'cursorTo')
    await expect(bundled({ ...everything, 'agent/main.ts': entry })).rejects.toThrow(
      'No matching export in "stand-in:node:readline" for import "cursorTo"',
    )
  })

  it('fails on a row that nothing imports any more', async () => {
    await expect(bundled({ ...everything, 'node_modules/pino/x.js': "require('assert')" })).rejects.toThrow(
      'nothing imports worker_threads any more',
    )
  })
})

describe('the silent bus', () => {
  it('answers the handshake, Hello and match rules, and knows no service; in pieces as well', async () => {
    const file = join(makeScratch(), 'bus')
    const calls: number[] = []
    const server = await openSilentBus(file, (ordinal) => calls.push(ordinal))
    const socket = createConnection(file)
    const answers: Buffer[] = []
    socket.on('data', (chunk) => answers.push(chunk))
    const until = async (enough: (all: Buffer) => boolean): Promise<Buffer> => {
      while (!enough(Buffer.concat(answers))) await new Promise((resolve) => setTimeout(resolve, 5))
      return Buffer.concat(answers.splice(0))
    }
    socket.write('\0AUTH EXTERNAL 30\r\n')
    expect((await until((all) => all.length > 0)).toString()).toMatch(/^OK [0-9a-f]{32}\r\n$/)
    const [hello, rule, other] = ['Hello', 'AddMatch', 'GetX'].map((member, index) => methodCall(member, index + 7))
    if (hello === undefined || rule === undefined || other === undefined) throw new Error('no calls')
    socket.write(Buffer.concat([Buffer.from('BEGIN\r\n'), hello.subarray(0, 20)]))
    socket.write(hello.subarray(20))
    const welcome = await until((all) => all.includes(':1.1'))
    expect([welcome[1], welcome.readUInt32LE(20)]).toEqual([2, 7])
    socket.write(Buffer.concat([rule, other]))
    const both = await until((all) => all.includes('ServiceUnknown'))
    expect([both[1], both.readUInt32LE(20), both[both.lastIndexOf('l\x03\x01\x01', undefined, 'latin1') + 1]]).toEqual([2, 8, 3])
    expect(calls).toEqual([1, 2, 3])
    socket.destroy()
    server.close()
  })
})

/** A call with no more than its member's name (D-Bus specification, "Message Format"). */
function methodCall(member: string, serial: number): Buffer {
  const text = Buffer.from(`${member}\0`)
  const field = Buffer.concat([Buffer.from([3, 1, 0x73, 0]), uint32(text.length - 1), text])
  const head = Buffer.concat([Buffer.from([0x6c, 1, 0, 1]), uint32(0), uint32(serial), uint32(field.length), field])
  return Buffer.concat([head, Buffer.alloc((8 - (head.length % 8)) % 8)])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
