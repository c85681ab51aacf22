import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { serialize } from 'node:v8'
import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../agent/credential/secret.ts'

const PLAIN = 'hunter2-hunter2'
const BYTES = new Uint8Array(Buffer.from(PLAIN))

/** Everything a hasty hand might do with a value to look at it. */
const printed = (secret: Secret<string> | Secret<Uint8Array>): Record<string, string> => {
  let consoleText = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      consoleText += String(chunk)
      done()
    },
  })
  const console = new Console(sink, sink)
  console.log(secret, { secret }, '%s %o %O %j', secret, secret, secret, secret)
  console.dir(secret, { showHidden: true, depth: null })
  console.table([{ secret }])
  console.error(new Error('failed', { cause: secret }))
  pino({ base: null }, sink).info({ value: secret, deep: { er: { still: secret } } }, 'value %s %o', secret, secret)
  return {
    'a console and pino': consoleText,
    'String()': String(secret),
    'a template': `${secret}`,
    concatenation: `a${secret}`.concat(secret as unknown as string),
    'JSON.stringify': JSON.stringify({ secret, list: [secret] }, null, 2),
    inspect: inspect({ secret }, { showHidden: true, depth: null, getters: true }),
    'inspect without custom inspection': inspect({ secret }, { showHidden: true, depth: null, customInspect: false, getters: true }),
    'util.format': format('%s %d %i %f %j %o %O', secret, secret, secret, secret, secret, secret, secret),
    structuredClone: inspect(structuredClone({ secret }), { showHidden: true }) + JSON.stringify(structuredClone({ secret })),
    'v8.serialize': serialize(secret).toString('latin1'),
    'its own properties': JSON.stringify(Object.getOwnPropertyNames(secret).concat(Object.keys({ ...secret }))),
    'its entries': JSON.stringify(Object.entries(secret)) + JSON.stringify(Object.assign({}, secret)),
    'an error': String(new Error(`no ${secret}`)) + inspect(new Error('no', { cause: secret })),
  }
}

const leaks = [PLAIN, Buffer.from(PLAIN).toString('hex'), Buffer.from(PLAIN).toString('base64'), BYTES.join(','), BYTES.join(', ')]

describe.each([
  ['text', new Secret(PLAIN)],
  ['bytes', new Secret(BYTES)],
] as const)('a secret of %s', (_, secret) => {
  it.each(Object.entries(printed(secret)))('is not shown by %s', (_by, text) => {
    expect(text.length).toBeGreaterThan(0)
    for (const leak of leaks) expect(text).not.toContain(leak)
  })

  it('says what it is where it is printed', () => {
    expect([String(secret), `${secret}`, inspect(secret), JSON.stringify(secret)]).toEqual([
      '[secret]',
      '[secret]',
      '[secret]',
      '"[secret]"',
    ])
  })
})

describe('reveal', () => {
  it('is the way out, and gives the very value', () => {
    expect(new Secret(PLAIN).reveal()).toBe(PLAIN)
    expect(new Secret(BYTES).reveal()).toBe(BYTES)
  })

  it('does not work on a clone, which has lost the value', () => {
    expect('reveal' in structuredClone({ secret: new Secret(PLAIN) }).secret).toBe(false)
  })
})
