import { describe, expect, it } from 'vitest'
import { parseBss } from '../../../agent/wifi/wpa-scan.ts'

const FOUND = {
  SSID: Buffer.from('ZipKey'),
  BSSID: Buffer.from('020000000100', 'hex'),
  Frequency: 2412,
  Signal: -50,
  Age: 1,
  IEs: Buffer.from('30140100000fac040100000fac040100000fac018000', 'hex'),
  Mode: 'infrastructure',
  Privacy: true,
}

describe('the properties of a BSS object', () => {
  it('are read', () => {
    expect(parseBss(FOUND, 2000, [])).toEqual({
      ssid: Buffer.from('ZipKey'),
      bssid: '02:00:00:00:01:00',
      frequencyMhz: 2412,
      signalDbm: -50,
      security: { keyManagement: ['WPA-EAP'], managementFrames: 'protected' },
      owePartner: null,
      passpoint: [],
    })
  })

  it('have no SSID where the BSS hides it, by none or by zeros', () => {
    expect(parseBss({ ...FOUND, SSID: Buffer.alloc(0) }, 2000, [])?.ssid).toHaveLength(0)
    expect(parseBss({ ...FOUND, SSID: Buffer.alloc(6) }, 2000, [])?.ssid).toHaveLength(0)
  })

  it.each([
    ['heard too long ago', { ...FOUND, Age: 3 }],
    ['gone meanwhile', null],
    ['without an address', { ...FOUND, BSSID: Buffer.alloc(0) }],
    ['of another type', { ...FOUND, Signal: '-50' }],
    ['without elements', { ...FOUND, IEs: undefined }],
  ])('of one %s count for nothing', (_, properties) => {
    expect(parseBss(properties, 2000, [])).toBeNull()
  })
})
