import { describe, expect, it } from 'vitest'
import { parseWispr, type WisprMessage } from '../../../agent/portal/wispr.ts'

const BASE = new URL('http://gateway.example/start')
const xml = (name: string, leaves: Readonly<Record<string, string>>): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<WISPAccessGatewayParam xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.acme.com/w.xsd">
<${name}>${Object.entries(leaves)
    .map(([key, value]) => `<${key}>${value}</${key}>`)
    .join('\n')}</${name}></WISPAccessGatewayParam>`
const redirect = (url: string, code = '0'): string =>
  xml('Redirect', { AccessProcedure: '1.0', MessageType: '100', ResponseCode: code, LoginURL: url })
const reply = (leaves: Readonly<Record<string, string>>): string => xml('AuthenticationReply', { MessageType: '120', ...leaves })

/** With addresses as texts. */
const shown = (message: WisprMessage | null): unknown => JSON.parse(JSON.stringify(message))

describe('a WISPr message', () => {
  it.each<[string, string, unknown]>([
    ['sends to a login', redirect('https://login.example/in'), { kind: 'redirect', loginUrl: 'https://login.example/in' }],
    [
      'stands in a comment of HTML',
      `<html><!--\n${redirect('https://login.example/in')}\n--></html>`,
      { kind: 'redirect', loginUrl: 'https://login.example/in' },
    ],
    ['escapes its ampersands', redirect('https://l.example/?a=1&amp;b=2'), { kind: 'redirect', loginUrl: 'https://l.example/?a=1&b=2' }],
    ['uses CDATA', redirect('<![CDATA[https://l.example/?a=1&b=2]]>'), { kind: 'redirect', loginUrl: 'https://l.example/?a=1&b=2' }],
    ['names a place on its own server', redirect('/in'), { kind: 'redirect', loginUrl: 'http://gateway.example/in' }],
    ['is of version 2.0', redirect('https://l.example/').replace('1.0</A', '2.0</A'), { kind: 'redirect', loginUrl: 'https://l.example/' }],
    [
      'sends to another page',
      xml('Proxy', { MessageType: '110', ResponseCode: '200', NextURL: 'http://n.example/' }),
      { kind: 'proxy', nextUrl: 'http://n.example/' },
    ],
    ['accepts', reply({ ResponseCode: '50', LogoffURL: 'https://l.example/out' }), { kind: 'accepted' }],
    ['refuses', reply({ ResponseCode: '100', ReplyMessage: 'no\ncredit' }), { kind: 'refused', why: 'response code 100 no credit' }],
    ['cannot reach its own server', reply({ ResponseCode: '102' }), { kind: 'refused', why: 'response code 102' }],
    [
      'asks for patience',
      reply({ ResponseCode: '201', LoginResultsURL: 'https://l.example/r' }),
      { kind: 'pending', resultsUrl: 'https://l.example/r' },
    ],
    ['asks for patience and names no place', reply({ ResponseCode: '201' }), { kind: 'refused', why: 'response code 201' }],
    ['tells a result', xml('AuthenticationPollReply', { MessageType: '140', ResponseCode: '50' }), { kind: 'accepted' }],
  ])('that %s is read', (_, text, expected) => {
    expect(shown(parseWispr(text, BASE))).toEqual(expected)
  })

  it.each([
    ['a page for people', '<html><form action="/login"></form></html>'],
    ['an error of the gateway', redirect('https://l.example/', '105')],
    ['a login that is no web address', redirect('javascript:alert(1)')],
    ['an unknown message', xml('Redirect', { MessageType: '999', ResponseCode: '0', LoginURL: 'https://l.example/' })],
    ['a torn one', redirect('https://l.example/').slice(0, -30)],
    ['nothing', ''],
  ])('is not seen in %s', (_, text) => {
    expect(parseWispr(text, BASE)).toBeNull()
  })

  it('of any bytes is read without failing, and in no time', () => {
    const startedMs = performance.now()
    for (let seed = 0; seed < 300; seed++) {
      const noise = Array.from({ length: 400 }, (_, index) => '<>/&;![]CDATAmpWISPLoginURL'[(seed * 31 + index * 17) % 27]).join('')
      expect(() => parseWispr(`<WISPAccessGatewayParam>${noise}</WISPAccessGatewayParam>`, BASE)).not.toThrow()
    }
    parseWispr(`<WISPAccessGatewayParam>${'<LoginURL><![CDATA['.repeat(3_000)}</WISPAccessGatewayParam>`, BASE)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})
