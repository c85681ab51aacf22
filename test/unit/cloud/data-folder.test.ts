import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCloudConfig, readKeys, readPrivateFile, writePrivateFile } from '../../../cloud/data-folder.ts'
import { initCloud } from '../../../cloud/init.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-data-'))
})
afterEach(() => rm(folder, { recursive: true }))

const tls = { kind: 'files', cert: '/c.pem', key: '/k.pem', ca: '/ca.pem' } as const
const options = { host: 'api.zipkey.test', issuer: 'https://api.zipkey.test', listen: '127.0.0.1:8443' }

describe('the folder of a cloud', () => {
  test('is made once, for its owner alone, with keys that can be read back', async () => {
    const dir = join(folder, 'cloud')
    await initCloud({ folder: dir, tls, ...options })
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    expect((await readKeys(dir)).signingKeys.publicKeys.keys[0]).not.toHaveProperty('d')
    expect(await readCloudConfig(dir)).toMatchObject({ issuer: options.issuer, tls: { cert: '/c.pem', key: '/k.pem' } })
    await expect(initCloud({ folder: dir, tls, ...options })).rejects.toThrow(/not empty/)
  })

  test('is empty again when making it failed', async () => {
    const wrong = { folder, tls: { kind: 'self-signed' } as const, ...options, host: 'no host' }
    await expect(initCloud(wrong)).rejects.toThrow(/host/)
    expect(await readdir(folder)).toEqual([])
  })

  test.each([
    ['an unknown key', { issuer: 'x', listen: '[::]:1', tls: { cert: 'c', key: 'k' }, colour: 'red' }, /colour/],
    ['no issuer', { listen: '[::]:1', tls: { cert: 'c', key: 'k' } }, /issuer/],
    ['a listen address without a port', { issuer: 'x', listen: '::', tls: { cert: 'c', key: 'k' } }, /listen/],
  ])('with %s in its config is told in one line', async (_, config, message) => {
    await writeFile(join(folder, 'config.json'), JSON.stringify(config))
    await expect(readCloudConfig(folder)).rejects.toThrow(message)
  })
})

describe('a private file', () => {
  test('is never overwritten', async () => {
    const path = join(folder, 'secret')
    await writePrivateFile(path, 'one')
    await expect(writePrivateFile(path, 'two')).rejects.toThrow(/EEXIST/)
    expect(await readPrivateFile(path)).toBe('one')
  })

  test.each([0o640, 0o604, 0o620])('that others may use (%o) is not read', async (mode) => {
    const path = join(folder, 'secret')
    await writePrivateFile(path, 'one')
    await chmod(path, mode)
    await expect(readPrivateFile(path)).rejects.toThrow(/0600/)
  })
})
