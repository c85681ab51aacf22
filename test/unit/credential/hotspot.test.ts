import { describe, expect, it } from 'vitest'
import { hotspotText, ssidText } from '../../../agent/credential/hotspot.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const EAP = {
  methods: ['TTLS'],
  inner: 'MSCHAPV2',
  caPem: 'PEM',
  tlsMaxVersion: '1.2',
  serverName: 'a.example',
  aaaDomain: 'example',
} as const

describe('an SSID for people', () => {
  it.each([
    ['ZipKey', 'ZipKey'],
    ['ZipKey Setup_2,4 GHz!', 'ZipKey Setup_2,4 GHz!'],
    ['Zürich 東京', 'Zürich 東京'],
    ['Cafe\u0301 ☕', 'Cafe\u0301 ☕'],
  ])('shows %s as it is', (text, shown) => {
    expect(ssidText(bytes(text))).toBe(shown)
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(), '0x'],
    ['a NUL', bytes('Zip\0Key'), '0x5a6970004b6579'],
    ['32 NULs, as hidden networks send', new Uint8Array(32), `0x${'00'.repeat(32)}`],
    ['a newline, which would forge a log line', bytes('a\nb'), '0x610a62'],
    ['a terminal escape', bytes('\u001b[2J'), '0x1b5b324a'],
    ['bytes that are not UTF-8', Uint8Array.of(0xff, 0xfe), '0xfffe'],
    ['a truncated UTF-8 sequence', Uint8Array.of(0x41, 0xe2, 0x82), '0x41e282'],
    ['an overlong UTF-8 sequence', Uint8Array.of(0xc0, 0xaf), '0xc0af'],
    ['the replacement character itself', bytes('\uFFFD'), '0xefbfbd'],
    ['a byte order mark, which would look like its twin without', bytes('\uFEFFZipKey'), '0xefbbbf5a69704b6579'],
    ['a right-to-left override', bytes('\u202EyeKpiZ'), '0xe280ae79654b70695a'],
    ['a zero-width space', bytes('Zip\u200BKey'), '0x5a6970e2808b4b6579'],
    ['a no-break space', bytes('Zip\u00A0Key'), '0x5a6970c2a04b6579'],
  ])('shows %s in hex', (_, ssid, shown) => {
    expect(ssidText(ssid)).toBe(shown)
  })
})

describe('the name of a hotspot', () => {
  it('is its SSID, or that it is a wired port', () => {
    expect(hotspotText({ security: 'wpa-eap', ssid: bytes('ZipKey'), hidden: false, frequenciesMhz: [], eap: EAP })).toBe('ZipKey')
    expect(hotspotText({ security: 'wired-eap', eap: EAP })).toBe('wired port')
  })
})
