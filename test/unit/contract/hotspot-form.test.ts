import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatHotspotForm, parseHotspotForm } from '../../../agent/contract/hotspot-form.ts'

const CA = readFileSync(join(import.meta.dirname, '../../../config/examples/aaa-ca.pem'), 'utf8')
const eap = { ca: CA, serverName: 'aaa.zipkey.example' }

describe('a hotspot profile on the wire', () => {
  it.each<[string, object]>([
    ['802.1X', { security: 'wpa-eap', ssid: 'ZipKey', channels: [1, 36], eap }],
    ['Passpoint', { security: 'passpoint', realm: 'zipkey.example', roamingConsortiums: ['5A03BA0000'], homeDomain: 'op.example', eap }],
    ['Passpoint of the device’s own realm', { security: 'passpoint', eap }],
    ['a wired port', { security: 'wired-eap', eap: { ...eap, methods: ['TLS'], aaaDomain: 'op.example' } }],
    ['WPA3', { security: 'sae', ssid: { hex: '00ff' }, hidden: true, passphrase: 'schlüssel' }],
    ['WPA2', { security: 'psk', ssid: 'a', frequenciesMhz: [5180], passphrase: 'ab'.repeat(32) }],
    ['OWE', { security: 'owe', ssid: 'a' }],
    ['open', { security: 'open', ssid: 'a' }],
  ])('of %s is read, written, and read again as the same', (_, value) => {
    const first = parseHotspotForm(value, 'refused')
    if (!first.ok) throw new Error(first.problem)
    const again = parseHotspotForm(JSON.parse(JSON.stringify(formatHotspotForm(first.value))), 'refused')
    expect(again).toEqual(first)
  })

  it.each<[string, unknown, string]>([
    ['no object', [], 'a hotspot profile is an object'],
    ['no kind', { ssid: 'a' }, 'security is one of wpa-eap'],
    ['a kind of the past', { security: 'wep', ssid: 'a' }, 'security is one of wpa-eap'],
    ['a realm that is none', { security: 'passpoint', realm: 'a b', eap }, 'realm: '],
    ['a consortium that is none', { security: 'passpoint', roamingConsortiums: ['5a03'], eap }, 'roamingConsortiums: expected 6 or 10'],
    ['more consortiums than fit', { security: 'passpoint', roamingConsortiums: Array(37).fill('5a03ba'), eap }, 'at most 36'],
    ['a domain that is none', { security: 'passpoint', homeDomain: '-', eap }, 'homeDomain: expected a DNS name'],
    ['an SSID for Passpoint', { security: 'passpoint', ssid: 'a', eap }, 'unknown member ssid'],
    ['no SSID', { security: 'open' }, 'ssid: expected a text'],
    ['a mistyped member', { security: 'open', ssid: 'a', chanels: [1] }, 'unknown member chanels'],
    ['a mistyped member of eap', { security: 'wired-eap', eap: { ...eap, servername: 'x' } }, 'unknown member eap.servername'],
    ['a channel that does not exist', { security: 'open', ssid: 'a', channels: [500] }, 'channels is a list of channel numbers'],
    ['no passphrase', { security: 'sae', ssid: 'a' }, 'passphrase is missing'],
    ['a short passphrase', { security: 'psk', ssid: 'a', passphrase: 'short' }, 'passphrase: expected 8 to 63'],
    ['no CA', { security: 'wired-eap', eap: { serverName: 'a.example' } }, 'eap.ca is missing'],
    ['a private key for a CA', { security: 'wired-eap', eap: { ...eap, ca: '-----BEGIN PRIVATE KEY-----' } }, 'eap.ca holds a private key'],
    ['no server name', { security: 'wired-eap', eap: { ca: CA } }, 'eap.serverName: is missing'],
    ['a TLS that does not exist', { security: 'wired-eap', eap: { ...eap, tlsMaxVersion: '1.4' } }, 'eap.tlsMaxVersion is'],
    ['a method that does not exist', { security: 'wired-eap', eap: { ...eap, methods: ['MD5'] } }, 'eap.methods is a list'],
    ['an AAA domain that is none', { security: 'wired-eap', eap: { ...eap, aaaDomain: 'a b' } }, 'eap.aaaDomain: '],
  ])('with %s is refused in one line', (_, value, problem) => {
    const result = parseHotspotForm(value, 'refused')
    expect(result.ok ? 'taken' : result.problem).toContain(problem)
  })

  it('never quotes a passphrase, and may have members of later versions on a device', () => {
    const short = parseHotspotForm({ security: 'sae', ssid: 'a', passphrase: 'geheim' }, 'refused')
    expect(JSON.stringify(short)).not.toContain('geheim')
    expect(parseHotspotForm({ security: 'open', ssid: 'a', later: 1 }, 'ignored').ok).toBe(true)
  })
})
