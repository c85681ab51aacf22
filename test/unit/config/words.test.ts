import { describe, expect, it } from 'vitest'
import { whyUnreadable } from '../../../config/content.ts'
import { nearest } from '../../../config/words.ts'

describe('the nearest known word', () => {
  const known = ['provisioningKey', 'keyId', 'secret', 'ca', 'serverName']
  it.each([
    ['provisioning_key', 'provisioningKey'],
    ['provisoningKey', 'provisioningKey'],
    ['KEYID', 'keyId'],
    ['servername', 'serverName'],
    ['cas', 'ca'],
    ['passphrase', null],
    ['', null],
  ])('of %j is %j', (word, expected) => {
    expect(nearest(word, known)).toBe(expected)
  })
})

describe('why a file cannot be read', () => {
  it.each([
    [{ code: 'ENOENT' }, 'no such file'],
    [{ code: 'EACCES' }, 'not readable for this user'],
    [{ code: 'EISDIR' }, 'is a directory'],
    [{ code: 'ELOOP' }, 'cannot be read (ELOOP)'],
    ['odd', 'cannot be read'],
  ])('%j is said with a remedy or a code', (error, text) => {
    expect(whyUnreadable('/f', error)).toContain(text)
  })

  it.each(['EIO', 'ENOMEM', 'EMFILE'])('%s may pass: that is no wrong config, and the agent may try again', (code) => {
    expect(() => whyUnreadable('/f', { code })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_UNREADABLE', message: `/f: cannot be read (${code})` }),
    )
  })
})
