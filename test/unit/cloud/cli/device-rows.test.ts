import { describe, expect, test } from 'vitest'
import { parseDeviceRows } from '../../../../cloud/cli/device-rows.ts'

describe('a file of devices', () => {
  test.each([
    ['CSV', 'id,secret,format\nSN-1,sesame,opaque\nSN-2,zks_x,\n'],
    ['CSV with a byte order mark and Windows lines', '\uFEFFid,secret,format\r\nSN-1,sesame,opaque\r\nSN-2,zks_x,\r\n'],
    ['CSV in another order', 'format,id,secret\nopaque,SN-1,sesame\n,SN-2,zks_x\n'],
    ['NDJSON', '{"id":"SN-1","secret":"sesame","format":"opaque"}\n\n{"id":"SN-2","secret":"zks_x"}\n'],
  ])('is read from %s', (_, text) => {
    expect(parseDeviceRows(text)).toEqual([
      { id: 'SN-1', secret: 'sesame', format: 'opaque', certificate: '' },
      { id: 'SN-2', secret: 'zks_x', format: 'zks', certificate: '' },
    ])
  })

  test.each([
    ['CSV, with PEM over several lines', 'id,certificate\nSN-1,"-----BEGIN\nMII"\nSN-2,AB:CD\n'],
    ['NDJSON', '{"id":"SN-1","certificate":"-----BEGIN\\nMII"}\n{"id":"SN-2","certificate":"AB:CD"}\n'],
  ])('may hold certificates in place of secrets, in %s', (_, text) => {
    expect(parseDeviceRows(text)).toEqual([
      { id: 'SN-1', secret: '', format: 'zks', certificate: '-----BEGIN\nMII' },
      { id: 'SN-2', secret: '', format: 'zks', certificate: 'AB:CD' },
    ])
  })

  test.each([
    ['neither secret nor certificate', '{"id":"SN-1"}\n', /row 1/],
    ['a missing column', 'id,password\nSN-1,sesame\n', /row 1/],
    ['a column too many', 'id,secret,colour\nSN-1,sesame,red\n', /row 1/],
    ['a cut row', 'id,secret\nSN-1\n', /CSV/],
    ['broken JSON', '{"id":"SN-1","secret":"sesame"}\n{"id":', /row 2/],
  ])('with %s is refused, without quoting a secret', (_, text, message) => {
    expect(() => parseDeviceRows(text)).toThrow(message)
    expect(() => parseDeviceRows(text)).not.toThrow(/sesame/)
  })
})
