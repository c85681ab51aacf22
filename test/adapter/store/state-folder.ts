/** A state directory of its own for each test, on a real disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { DeviceCertificate, IssuedCredential, IssuedSecret } from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'

/** The device of these tests. */
export const identity = { account: 'acme', device: 'dev-1' }

/** An issued secret that differs from those of other numbers in id and bytes. */
export const issued = (number: number): IssuedSecret => ({
  kind: 'shared-secret',
  id: { kind: 'issued', secretId: `mk1-${number}-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb` },
  secret: new Secret(new Uint8Array(32).fill(number)),
})

const certificates = new Map<number, DeviceCertificate>()

/** A certificate for a key of its own; the same number gives the same one. */
export function certificate(number: number): DeviceCertificate {
  const made = certificates.get(number) ?? certified(newDeviceKey(), identity.device)
  certificates.set(number, made)
  return made
}

/** Which number a stored credential has; null for an empty slot. Its secret or key must be that of its number. */
export function numberOf(credential: IssuedCredential | null): number | null {
  if (credential === null) return null
  return credential.kind === 'certificate' ? numberOfCertificate(credential) : numberOfSecret(credential)
}

function numberOfCertificate(credential: DeviceCertificate): number {
  const [number] = [...certificates].find(([, { id }]) => id.fingerprint === credential.id.fingerprint) ?? []
  if (number === undefined) throw new Error('no test made this certificate')
  const made = certificate(number)
  if (made.chainPem !== credential.chainPem || made.privateKeyPem.reveal() !== credential.privateKeyPem.reveal())
    throw new Error('the chain or the key is not that of its certificate')
  return number
}

function numberOfSecret(credential: IssuedSecret): number {
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
