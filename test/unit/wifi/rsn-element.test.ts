import { describe, expect, it } from 'vitest'
import { parseRsn } from '../../../agent/wifi/rsn-element.ts'

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
    ['a passphrase', `30 14 ${CIPHERS} 0100 000fac02 0000`, { keyManagement: [], managementFrames: 'open' }],
    ['no capabilities', `30 12 ${CIPHERS} 0100 000fac01`, { keyManagement: ['WPA-EAP'], managementFrames: 'open' }],
  ])('with %s', (_, element, expected) => {
    expect(parseRsn(hex(`${SSID} ${element} 2d00`))).toEqual(expected)
  })

  it.each([
    ['no elements', ''],
    ['no RSN element', SSID],
    ['an element longer than the frame', `${SSID} 30 ff ${CIPHERS}`],
    ['a list longer than the element', '30 14 0100 000fac04 ff00 000fac04 0100 000fac01 0000'],
    ['an element cut in its middle', '30 06 0100 000fac04'],
    ['a lone byte', '30'],
  ])('is null for %s', (_, elements) => {
    expect(parseRsn(hex(elements))).toBeNull()
  })

  it('takes any bytes without failing', () => {
    for (let seed = 0; seed < 5000; seed += 1) {
      const bytes = Buffer.from(Array.from({ length: seed % 60 }, (_, index) => (seed * 31 + index * index * 17) % 256))
      if (bytes.length > 2) bytes.set([48, seed % 64])
      expect(() => parseRsn(bytes)).not.toThrow()
    }
  })
})
