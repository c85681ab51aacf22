/** Batches of an issuing CA whose key stays in a token: SoftHSM, by the program as it is built. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openssl, ProductionLine } from './production-line.ts'

const MODULE = '/usr/lib/softhsm/libsofthsm2.so'
const URI = 'pkcs11:token=line;object=issuing'

let at: ProductionLine
let environment: NodeJS.ProcessEnv

const run = (program: string, ...parameters: readonly string[]): string =>
  execFileSync(program, parameters, { encoding: 'utf8', stdio: 'pipe', env: environment })

/** A CA in the token, issued by the root of the line. */
function makeCa(label: string, id: string, keyType: string): void {
  run(
    'pkcs11-tool',
    '--module',
    MODULE,
    '--token-label',
    'line',
    '--login',
    '--pin',
    '4711',
    '--keypairgen',
    '--key-type',
    keyType,
    '--label',
    label,
    '--id',
    id,
  )
  const key = [
    '-engine',
    'pkcs11',
    '-keyform',
    'engine',
    '-key',
    `pkcs11:token=line;object=${label};type=private`,
    '-passin',
    `file:${at.path('pin')}`,
  ]
  run('openssl', 'req', '-new', ...key, '-subj', `/CN=${label}`, '-out', at.path(`${label}.csr`))
  at.put('ca.ext', 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n')
  const root = ['-CA', at.path('root.pem'), '-CAkey', at.path('root.key'), '-CAcreateserial', '-days', '20', '-extfile', at.path('ca.ext')]
  openssl('x509', '-req', '-in', at.path(`${label}.csr`), ...root, '-out', at.path(`${label}.pem`))
}

beforeAll(async () => {
  at = new ProductionLine(afterAll)
  await at.makeFactoryKey()
  mkdirSync(at.path('tokens'))
  const config = at.put('softhsm2.conf', `directories.tokendir = ${at.path('tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  environment = { ...process.env, SOFTHSM2_CONF: config }
  process.env.SOFTHSM2_CONF = config
  run('softhsm2-util', '--init-token', '--free', '--label', 'line', '--pin', '4711', '--so-pin', '08150815')
  at.put('pin', '4711\n')
  makeCa('issuing', '01', 'EC:prime256v1')
  makeCa('issuing-rsa', '02', 'rsa:2048')
})

afterAll(() => {
  delete process.env.SOFTHSM2_CONF
})

const batch = (out: string, ...more: readonly string[]): readonly string[] =>
  at.batch(out, '--count', '3', '--pattern', `${out}-{1..}`, '--credential', 'certificate', ...more)
const inToken = (label: string, ...more: readonly string[]): readonly string[] => [
  ...['--ca-file', `${label}.pem`, '--ca-key-file', `pkcs11:token=line;object=${label}`],
  ...more,
]

describe('an issuing CA in a token', () => {
  it.each(['issuing', 'issuing-rsa'])('signs certificates that openssl verifies: %s', async (label) => {
    expect(await at.run(batch(label, ...inToken(label, '--ca-pin-file', 'pin')))).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(at.path(`${label}/configs`))).toHaveLength(3)
    for (const line of at.read(`${label}/certificates.ndjson`).trim().split('\n')) {
      const { ref, cert } = JSON.parse(line)
      const file = at.put(`${ref}.pem`, Buffer.from(cert, 'base64'))
      expect(openssl('verify', '-CAfile', at.path('root.pem'), '-untrusted', at.path(`${label}.pem`), file)).toMatch(/: OK/)
    }
  })

  it.each<[string, readonly string[], RegExp]>([
    [
      'a wrong PIN, once',
      ['--ca-pin-file', 'wrong-pin'],
      /^pkcs11:\S+: the token refuses the PIN: correct --ca-pin-file before it locks itself\n$/,
    ],
    ['no PIN', [], /^pkcs11:\S+: the token asks for a PIN: name --ca-pin-file\n$/],
    ['a PIN that others can read', ['--ca-pin-file', 'open-pin'], /open-pin: others than its owner can read/],
    ['a PIN on the command line', ['--ca-key-file', `${URI}?pin-value=4711`], /^--ca-key-file: holds a PIN, which everybody sees/],
    ['a URI that names no key', ['--ca-key-file', 'pkcs11:token=line'], /^--ca-key-file: names no key/],
    [
      'a token that is not there',
      ['--ca-key-file', 'pkcs11:token=other;object=issuing', '--ca-pin-file', 'pin'],
      /no token that the URI names/,
    ],
    ['a key that is not there', ['--ca-key-file', 'pkcs11:token=line;object=none', '--ca-pin-file', 'pin'], /holds no private key/],
    [
      'the key of another CA',
      ['--ca-key-file', 'pkcs11:token=line;object=issuing-rsa', '--ca-pin-file', 'pin'],
      /is not the key of issuing.pem/,
    ],
  ])('is refused with %s, in one line, and nothing is written', async (_, more, line) => {
    at.put('wrong-pin', '4712\n')
    at.put('open-pin', '4711\n', 0o644)
    const { code, stderr } = await at.run(batch('refused', ...inToken('issuing', ...more)))
    expect([code, stderr]).toEqual([65, expect.stringMatching(line)])
    expect(stderr.split('\n')).toHaveLength(2)
    expect(readdirSync(at.folder)).not.toContain('refused')
  })
})
