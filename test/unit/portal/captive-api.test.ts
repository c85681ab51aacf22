import { describe, expect, it } from 'vitest'
import { parseApiUrl, parseCaptiveState } from '../../../agent/portal/captive-api.ts'
import { parseCaptivePortalLine } from '../../../agent/wifi/udhcpc.ts'

describe('the captive-portal API', () => {
  it.each([
    ['https://portal.example/api', 'https://portal.example/api'],
    ['http://portal.example/api', null],
    ['urn:ietf:params:capport:unrestricted', null],
    ['nonsense', null],
    [null, null],
  ])('named as %s is asked at %s', (text, expected) => {
    expect(parseApiUrl(text)?.href ?? null).toBe(expected)
  })

  it.each<[string, unknown]>([
    ['{"captive":true,"user-portal-url":"https://p.example/"}', { isCaptive: true, page: 'https://p.example/' }],
    ['{"captive":true,"user-portal-url":"http://p.example/"}', { isCaptive: true, page: null }],
    ['{"captive":false,"seconds-remaining":60}', { isCaptive: false, page: null }],
    ['{"captive":"yes"}', null],
    ['[]', null],
    ['<html>', null],
  ])('that says %s is understood', (text, expected) => {
    expect(JSON.parse(JSON.stringify(parseCaptiveState(text)))).toEqual(expected)
  })

  it('is named by DHCP option 114 in hex', () => {
    const hex = (text: string): string => Buffer.from(text).toString('hex')
    expect(parseCaptivePortalLine(`captive-portal ${hex('https://p.example/api')}`)).toBe('https://p.example/api')
    expect(parseCaptivePortalLine(`captive-portal ${hex('https://p.example/api\0')}`)).toBe('https://p.example/api')
    for (const line of ['captive-portal', 'captive-portal xyz', 'udhcpc: lease', `captive-portal ${'00'.repeat(300)}`])
      expect(parseCaptivePortalLine(line)).toBeNull()
  })
})
