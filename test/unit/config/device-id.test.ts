import { describe, expect, it } from 'vitest'
import { normalise, readDeviceId } from '../../../config/device-id.ts'
import { makeRoot, put } from './sample.ts'

describe('a device id read from the device', () => {
  it.each([
    ['a serial number', 'SN-000123', 'SN-000123'],
    ['a device tree text', '10000000abcdef01\0', '10000000abcdef01'],
    ['surrounding white space', '  SN_1.2\r\n', 'SN_1.2'],
    ['a MAC address', '44:85:00:AB:CD:EF\n', '448500abcdef'],
    ['a MAC address with hyphens', '44-85-00-ab-cd-ef', '448500abcdef'],
  ])('keeps %s', (_, raw, id) => {
    expect(normalise(raw, false)).toEqual({ ok: true, value: { id, doubt: null } })
  })

  it.each([
    ['nothing', ' \0\n', 'is empty'],
    ['a placeholder', 'To be filled by O.E.M.\n', 'holds a placeholder'],
    ['a placeholder in other case', 'DEFAULT STRING', 'holds a placeholder'],
    ['all zeros', '0000000000000000\0', 'holds a placeholder'],
    ['a zero MAC address', '00:00:00:00:00:00', 'holds a placeholder'],
    ['a broadcast MAC address', 'ff:ff:ff:ff:ff:ff', 'holds a placeholder'],
    ['an inner space', 'SN 123', 'does not fit: give device.id instead'],
    ['a slash', 'SN/123', 'does not fit'],
    ['letters outside the alphabet', 'SN-Ä', 'does not fit'],
    ['mixed separators', '44:85-00:ab:cd:ef', 'does not fit'],
    ['64 characters', 'a1'.repeat(32), 'does not fit'],
  ])('refuses %s', (_, raw, problem) => {
    expect(normalise(raw, false)).toEqual({ ok: false, problem: expect.stringContaining(problem) })
  })

  it('doubts a MAC address that the device made up', () => {
    expect(normalise('02:00:00:00:00:01', false)).toEqual({
      ok: true,
      value: { id: '020000000001', doubt: expect.stringContaining('locally administered') },
    })
  })

  it('hashes a machine id, as machine-id(5) asks, the same at every start', () => {
    const raw = '0123456789abcdef0123456789abcdef\n'
    const found = normalise(raw, true)
    // printf 'zipkey/v1 device-id' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef | cut -c1-32
    expect(found).toEqual({ ok: true, value: { id: '032be9fb28d414e594d7f83cbd07f865', doubt: null } })
    expect(normalise('uninitialized\n', true)).toMatchObject({ ok: false })
  })

  it.each([
    ['device-tree-serial', 'sys/firmware/devicetree/base/serial-number', 'SN-1\0', 'SN-1'],
    ['dmi', 'sys/class/dmi/id/product_serial', 'SN-2\n', 'SN-2'],
  ] as const)('reads %s from its place', (source, file, content, id) => {
    const root = makeRoot()
    put(root, file, content)
    expect(readDeviceId(source, '/nowhere', root)).toEqual({ ok: true, value: { id, doubt: null } })
  })

  it('reads a file beside the config', () => {
    const root = makeRoot()
    put(root, 'serial', 'SN-3')
    expect(readDeviceId({ file: 'serial' }, root, '/nowhere')).toEqual({ ok: true, value: { id: 'SN-3', doubt: null } })
  })

  it('names the file when it is missing, and when what it holds is refused', () => {
    const root = makeRoot()
    expect(readDeviceId('dmi', root, root)).toEqual({
      ok: false,
      problem: `${root}/sys/class/dmi/id/product_serial: no such file: put it there or correct the name`,
    })
    put(root, 'sys/class/dmi/id/product_serial', 'None\n')
    expect(readDeviceId('dmi', root, root)).toEqual({ ok: false, problem: expect.stringMatching(/product_serial: holds a placeholder/) })
  })
})
