/** A state directory of its own for each test, on a real disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { IssuedSecret } from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'

/** The device of these tests. */
export const identity = { account: 'acme', device: 'dev-1' }

/** An issued secret that differs from those of other numbers in id and bytes. */
export const issued = (number: number): IssuedSecret => ({
  kind: 'shared-secret',
  id: { kind: 'issued', secretId: `mk1-${number}-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb` },
  secret: new Secret(new Uint8Array(32).fill(number)),
})

/** Which number a stored secret has; null for an empty slot. The bytes must be those of that number. */
export function numberOf(credential: IssuedSecret | null): number | null {
  if (credential === null) return null
  const number = Number(credential.id.secretId.split('-')[1])
  if (!Buffer.from(credential.secret.reveal()).equals(Buffer.alloc(32, number))) throw new Error('the secret is not that of its id')
  return number
}

/** A folder for one test. */
export class StateFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'zipkey-store-'))
  readonly path = join(this.root, 'state')

  /** Removed when the test ends. */
  constructor() {
    onTestFinished(() => this.remove())
  }

  names(): readonly string[] {
    return readdirSync(this.path).sort()
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), 'utf8')
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text, { mode: 0o600 })
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
