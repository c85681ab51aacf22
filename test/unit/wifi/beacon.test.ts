import { describe, expect, it } from 'vitest'
import { parseOwePartner, parseSecurity } from '../../../agent/wifi/beacon.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const SSID = '00 06 5a69704b6579'
/** Version 1, group CCMP, pairwise CCMP. */
const CIPHERS = '0100 000fac04 0100 000fac04'

describe('the RSN element', () => {
  it.each([
    ['802.1X without protected frames', `30 14 ${CIPHERS} 0100 000fac01 0000`, { keyManagement: ['WPA-EAP'], managementFrames: 'open' }],
    ['802.1X with protected frames', `30 14 ${CIPHERS} 0100 000fac01 8000`, { keyManagement: ['WPA-EAP'], managementFrames: 'protected' }],
    [
      '802.1X with SHA-256, frames required',
      `30 14 ${CIPHERS} 0100 000fac05 c000`,
      { keyManagement: ['WPA-EAP-SHA256'], managementFrames: 'protected' },
    ],
    [
      'both',
      `30 18 ${CIPHERS} 0200 000fac01000fac05 8000`,
      { keyManagement: ['WPA-EAP', 'WPA-EAP-SHA256'], managementFrames: 'protected' },
    ],
    ['a passphrase', `30 14 ${CIPHERS} 0100 000fac02 0000`, { keyManagement: ['WPA-PSK'], managementFrames: 'open' }],
    [
      'a passphrase by either WPA2 or WPA3',
      `30 18 ${CIPHERS} 0200 000fac02000fac08 8000`,
      { keyManagement: ['WPA-PSK', 'SAE'], managementFrames: 'protected' },
    ],
    ['OWE', `30 14 ${CIPHERS} 0100 000fac12 c000`, { keyManagement: ['OWE'], managementFrames: 'protected' }],
    ['nothing that this version knows', `30 14 ${CIPHERS} 0100 000fac0d 0000`, { keyManagement: [], managementFrames: 'open' }],
    ['no capabilities', `30 12 ${CIPHERS} 0100 000fac01`, { keyManagement: ['WPA-EAP'], managementFrames: 'open' }],
  ])('with %s', (_, element, expected) => {
    expect(parseSecurity(hex(`${SSID} ${element} 2d00`), true)).toEqual(expected)
  })

  it.each([
    ['no elements', ''],
    ['no RSN element', SSID],
    ['an element longer than the frame', `${SSID} 30 ff ${CIPHERS}`],
    ['a list longer than the element', '30 14 0100 000fac04 ff00 000fac04 0100 000fac01 0000'],
    ['an element cut in its middle', '30 06 0100 000fac04'],
    ['a lone byte', '30'],
  ])('is null for %s', (_, elements) => {
    expect(parseSecurity(hex(elements), true)).toBeNull()
  })

  it('is not needed by an open BSS, unlike by one that encrypts in a way of the past', () => {
    const open = { keyManagement: ['NONE'], managementFrames: 'open' }
    expect(parseSecurity(hex(SSID), false)).toEqual(open)
    expect(parseSecurity(hex(`${SSID} dd 05 0050f202 00`), false)).toEqual(open)
    expect(parseSecurity(hex(`${SSID} dd 05 0050f201 00`), false)).toBeNull()
  })

  it('takes any bytes without failing', () => {
    for (let seed = 0; seed < 5000; seed += 1) {
      const bytes = Buffer.from(Array.from({ length: seed % 60 }, (_, index) => (seed * 31 + index * index * 17) % 256))
      if (bytes.length > 2) bytes.set([48, seed % 64])
      expect(() => parseSecurity(bytes, true)).not.toThrow()
      if (bytes.length > 6) bytes.set([221, seed % 64, 0x50, 0x6f, 0x9a, 0x1c])
      expect(() => parseOwePartner(bytes)).not.toThrow()
    }
  })
})

describe('the OWE transition element', () => {
  const element = (rest: string): Buffer =>
    hex(`${SSID} dd ${(4 + rest.replaceAll(' ', '').length / 2).toString(16).padStart(2, '0')} 506f9a1c ${rest}`)

  it('names the partner', () => {
    expect(parseOwePartner(element('020000000101 03 6f7765'))).toEqual({ bssid: '02:00:00:00:01:01', ssid: Buffer.from('owe') })
    expect(parseOwePartner(element('020000000101 03 6f7765 51 06'))?.ssid).toEqual(Buffer.from('owe'))
  })

  it.each([
    ['no such element', hex(SSID)],
    ['an SSID longer than the element', element('020000000101 04 6f7765')],
    ['an SSID longer than any', element(`020000000101 21 ${'00'.repeat(33)}`)],
    ['an element cut short', element('0200')],
  ])('is null for %s', (_, elements) => {
    expect(parseOwePartner(elements)).toBeNull()
  })
})
