import { describe, expect, it } from 'vitest'
import { AddressTable, parseAddressLine } from '../../../agent/wifi/address-table.ts'

const V4 = '5: wlan0    inet 10.8.0.23/24 brd 10.8.0.255 scope global dynamic wlan0\\       valid_lft 3599sec preferred_lft 3599sec'

describe('a line of ip', () => {
  it.each([
    ['an IPv4 address', V4, '10.8.0.23', true],
    ['an IPv6 address', '5: wlan0    inet6 fd77::42/64 scope global dynamic mngtmpaddr \\       valid_lft 86400sec', 'fd77::42', true],
    ['a point-to-point address', '7: ppp0    inet 10.0.0.1 peer 10.0.0.2/32 scope global ppp0\\       valid_lft forever', '10.0.0.1', true],
    ['an address of a VLAN', '6: eth0.7@eth0    inet 10.1.0.2/24 scope global eth0.7\\       valid_lft forever', '10.1.0.2', true],
    [
      'one still under duplicate address detection',
      '5: wlan0    inet6 fd77::42/64 scope global tentative dynamic \\  x',
      'fd77::42',
      false,
    ],
    ['a duplicate', '5: wlan0    inet6 fd77::42/64 scope global dadfailed tentative \\  x', 'fd77::42', false],
    ['one on its way out', '5: wlan0    inet6 fd77::42/64 scope global deprecated dynamic \\  x', 'fd77::42', false],
    ['IPv6 link-local', '5: wlan0    inet6 fe80::1/64 scope link \\       valid_lft forever', 'fe80::1', false],
    ['IPv4 link-local with the wrong scope', '5: wlan0    inet 169.254.3.4/16 scope global wlan0\\  x', '169.254.3.4', false],
    ['loopback', '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever', '127.0.0.1', false],
  ])('with %s', (_, line, address, isUsable) => {
    expect(parseAddressLine(line)).toMatchObject({ address, isUsable, isDeleted: false })
  })

  it('about a removed address', () => {
    expect(parseAddressLine(`Deleted ${V4}`)).toEqual({ interfaceName: 'wlan0', address: '10.8.0.23', isUsable: true, isDeleted: true })
  })

  it.each([
    '',
    '5: wlan0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default',
    '    link/ether 02:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff',
    'nonsense inet 10.0.0.1',
  ])('that says nothing of an address: %j', (line) => {
    expect(parseAddressLine(line)).toBeNull()
  })
})

describe('the table', () => {
  it('holds what was announced and not removed, per interface', () => {
    const table = new AddressTable()
    table.read(V4)
    table.read(V4.replaceAll('wlan0', 'eth0').replace('10.8.0.23', '10.9.0.1'))
    expect(table.usable('wlan0').map(({ address }) => address)).toEqual(['10.8.0.23'])
    table.read(`Deleted ${V4}`)
    expect(table.usable('wlan0')).toEqual([])
    expect(table.usable('eth0')).toHaveLength(1)
  })

  it('lets an address become usable when detection has passed it', () => {
    const table = new AddressTable()
    table.read('5: wlan0    inet6 fd77::42/64 scope global tentative dynamic \\ x')
    expect(table.usable('wlan0')).toEqual([])
    table.read('5: wlan0    inet6 fd77::42/64 scope global dynamic \\ x')
    expect(table.usable('wlan0')).toHaveLength(1)
  })

  it('tells an address that was announced again from one that was merely kept', () => {
    const table = new AddressTable()
    table.read(V4)
    const mark = table.age
    expect(table.usable('wlan0')[0]?.age).toBeLessThanOrEqual(mark)
    table.read(V4)
    expect(table.usable('wlan0')[0]?.age).toBeGreaterThan(mark)
  })

  it('keeps its age when it forgets', () => {
    const table = new AddressTable()
    table.read(V4)
    const mark = table.age
    table.clear()
    table.read(V4)
    expect(table.usable('wlan0')[0]?.age).toBeGreaterThan(mark)
  })
})
