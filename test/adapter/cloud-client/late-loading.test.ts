import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { expect, onTestFinished, test } from 'vitest'
import { TestAuthority } from './certificates.ts'

test('TLS and the JOSE library are loaded when they are needed, not when the agent starts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-bundle-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const authority = TestAuthority.root('any')
  onTestFinished(() => authority.remove())
  writeFileSync(
    join(folder, 'start.ts'),
    `import { createCloudClient } from '${join(import.meta.dirname, '../../../agent/cloud-client/cloud-client.ts')}'
    const isLoaded = () => process.moduleLoadList.includes('NativeModule https')
    const cloud = { url: 'https://localhost', issuer: 'any', caPem: ${JSON.stringify(authority.certificatePem)}, signingKeys: { keys: [] } }
    const client = createCloudClient({ cloud } as never)
    const before = isLoaded()
    client.prepare().then(() => console.log(before, isLoaded()))`,
  )
  const bundle = join(folder, 'start.cjs')
  buildSync({ entryPoints: [join(folder, 'start.ts')], bundle: true, platform: 'node', format: 'cjs', outfile: bundle })
  expect(execFileSync(process.execPath, [bundle], { encoding: 'utf8', env: { PATH: process.env.PATH } })).toBe('false true\n')
})
