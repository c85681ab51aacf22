import { describe, expect, test } from 'vitest'
import type { DeviceCertificate } from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { parseMounts } from '../../../agent/store/durability.ts'
import {
  decodeKey,
  decodeNonce,
  decodeSlot,
  decodeTimeFloor,
  encodeKey,
  encodeNonce,
  encodeSlot,
  encodeTimeFloor,
} from '../../../agent/store/records.ts'

const name = { account: 'acme', device: 'dev-1' }
const credential = {
  kind: 'shared-secret',
  id: { kind: 'issued', secretId: 'mk1-1-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb' },
  secret: new Secret(new Uint8Array(32).fill(1)),
} as const

describe('a slot’s text', () => {
  test('is what fielded devices have on their disks', () => {
    // Format 1 may never change: a device that was updated must read what the version before it wrote.
    expect(encodeSlot(name, credential)).toBe(
      '{"format":1,"account":"acme","device":"dev-1","secretId":"mk1-1-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb",' +
        '"secret":"zks_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGIuX2f",' +
        '"checksum":"c86e28d5645fc65db2c50e7dcc507aa4427997b7a99e6490de0e5909945f78e9"}\n',
    )
  })

  test('gives back the credential', () => {
    const decoded = decodeSlot(encodeSlot(name, credential), name)
    expect(decoded).toEqual({ ok: true, value: credential })
    expect(decoded.ok && decoded.value.kind === 'shared-secret' && decoded.value.secret.reveal()).toEqual(credential.secret.reveal())
  })

  test('is refused after any change of any one bit', () => {
    const bytes = Buffer.from(encodeSlot(name, credential).trimEnd())
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect([bit, decodeSlot(flipped.toString(), name).ok]).toEqual([bit, false])
    }
  })

  test('is refused at any shorter length', () => {
    const text = encodeSlot(name, credential).trimEnd()
    for (let length = 0; length < text.length; length++) expect(decodeSlot(text.slice(0, length), name).ok).toBe(false)
  })

  test('never stands in the reason for which it is refused', () => {
    const text = encodeSlot(name, credential)
    for (const changed of [text.replace('AQEB', 'AQEC'), text.replace('"format":1', '"format":2'), text.slice(0, -9), text]) {
      const decoded = decodeSlot(changed, { ...name, device: 'dev-2' })
      expect(decoded.ok).toBe(false)
      expect(JSON.stringify(decoded)).not.toMatch(/AQE|zks_A/)
    }
  })
})

/** One line of base64 after another, as PEM has it and JSON writes it. */
const pem = (label: string, ...lines: readonly string[]): string =>
  [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')

const certificatePem = pem(
  'CERTIFICATE',
  'MIIBEDCBtwIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5GYWtlIERldmljZSBD',
  'QTAeFw0yMDAxMDEwMDAwMDBaFw00OTEyMzEyMzU5NTlaMBAxDjAMBgNVBAMMBWRl',
  'di0xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAElL1Ov05ZYk9GeABniCV1mH5j',
  'KUmmHURGijW5ZgKETE9A6Z0ZLL3ZzmQVsNGHJx30sHd9oQHm+wzaQ8V5Op/sBjAK',
  'BggqhkjOPQQDAgNIADBFAiAsm1q1C+3mOoY1bsaKhPsfjuTDRvXb0uc4Pl2O0Ao6',
  '4wIhAPU6rZY8vhkZaUAnfwGu1zNE0FnegQqIFsBEycw5jaBb',
)
const privateKeyPem = pem(
  'PRIVATE KEY',
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLV8cQenXxUkjKSpq',
  'k/Ocg4CQjrzoZGggHpSDUEmOHAChRANCAASUvU6/TlliT0Z4AGeIJXWYfmMpSaYd',
  'REaKNblmAoRMT0DpnRksvdnOZBWw0YcnHfSwd32hAeb7DNpDxXk6n+wG',
)
const certificate: DeviceCertificate = {
  kind: 'certificate',
  id: { kind: 'certificate', fingerprint: 'q3rqlyawqkudkrcmtlwkcjwk4k37nxztna6oyc36wderfl763kua' },
  chainPem: certificatePem,
  privateKeyPem: new Secret(privateKeyPem),
}

describe('the text of a certificate’s slot', () => {
  const text =
    `{"format":1,"account":"acme","device":"dev-1","certificate":${JSON.stringify(certificatePem)},` +
    `"privateKey":${JSON.stringify(privateKeyPem)},` +
    '"checksum":"51d6b62ccbe4535351b231c940381ee4fcc644d83d94c8260fa05841dff99f17"}\n'

  test('is what fielded devices have on their disks', () => {
    expect(encodeSlot(name, certificate)).toBe(text)
  })

  test('gives back the certificate and its key', () => {
    const decoded = decodeSlot(text, name)
    expect(decoded).toEqual({ ok: true, value: certificate })
    expect(decoded.ok && decoded.value.kind === 'certificate' && decoded.value.privateKeyPem.reveal()).toBe(privateKeyPem)
  })

  test('is refused after a change of any one character, and at any shorter length', () => {
    const whole = text.trimEnd()
    for (let at = 0; at < whole.length; at++) {
      const other = whole[at] === 'A' ? 'B' : 'A'
      expect([at, decodeSlot(whole.slice(0, at) + other + whole.slice(at + 1), name).ok]).toEqual([at, false])
      expect(decodeSlot(whole.slice(0, at), name).ok).toBe(false)
    }
  })

  test('never stands in the reason for which it is refused', () => {
    for (const changed of [text.replace('MIGH', 'MIGI'), text.replace('"format":1', '"format":2'), text.slice(0, -9)])
      expect(JSON.stringify(decodeSlot(changed, name))).not.toMatch(/MIG|LV8c/)
  })
})

describe('the text of a key', () => {
  const text =
    `{"format":1,"account":"acme","device":"dev-1","privateKey":${JSON.stringify(privateKeyPem)},` +
    '"checksum":"8e26ac6d355566ea64914220103a20edb0c0643ad8c9a7463866e3823766429a"}\n'

  test('is what fielded devices have on their disks, and gives back the key', () => {
    expect(encodeKey(name, certificate.privateKeyPem)).toBe(text)
    const decoded = decodeKey(text, name)
    expect(decoded.ok && decoded.value.reveal()).toBe(privateKeyPem)
  })

  test('is no credential, and a slot is no key', () => {
    expect(decodeSlot(text, name).ok).toBe(false)
    expect(decodeKey(encodeSlot(name, credential), name).ok).toBe(false)
    expect(decodeNonce(text, name).ok).toBe(false)
  })
})

describe('the other records', () => {
  const nonce = Buffer.alloc(32, 5).toString('base64url')

  test('give back what was put into them', () => {
    expect(decodeNonce(encodeNonce(name, nonce), name)).toEqual({ ok: true, value: nonce })
    expect(decodeTimeFloor(encodeTimeFloor(name, 1_800_000_000_000), name)).toEqual({ ok: true, value: 1_800_000_000_000 })
  })

  test('are not taken for one another', () => {
    expect(decodeNonce(encodeTimeFloor(name, 5), name).ok).toBe(false)
    expect(decodeTimeFloor(encodeNonce(name, nonce), name).ok).toBe(false)
    expect(decodeSlot(encodeNonce(name, nonce), name).ok).toBe(false)
  })

  test.each([-1, 1.5, Number.MAX_VALUE])('a time floor of %d is refused', (timeMs) => {
    expect(decodeTimeFloor(encodeTimeFloor(name, timeMs), name).ok).toBe(false)
  })
})

test('mountinfo is read with optional fields, escapes and empty lines', () => {
  const text = `22 27 0:21 / /proc rw,relatime shared:12 - proc proc rw
31 22 0:33 / /mnt/a\\040b rw - overlay overlay rw,lowerdir=/l,upperdir=/up\\040per,workdir=/w

`
  expect(parseMounts(text)).toEqual([
    { device: '0:21', options: ['rw'] },
    { device: '0:33', options: ['rw', 'lowerdir=/l', 'upperdir=/up per', 'workdir=/w'] },
  ])
})
