import { describe, expect, it } from 'vitest'
import { fillIn, parseVariableText } from '../../../../scripts/factory/certificate/variable-text.ts'

const NAMES = ['id', 'account', 'colour of case']
const VALUES = { id: 'SN-1', account: 'acme', 'colour of case': 'größer' }

const filled = (text: string): string => {
  const parsed = parseVariableText(text, NAMES)
  return parsed.ok ? fillIn(parsed.value, VALUES) : parsed.problem
}

describe('a text with variables', () => {
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['{id}', 'SN-1'],
    ['urn:{account}:{id}!', 'urn:acme:SN-1!'],
    ['{id}{id}', 'SN-1SN-1'],
    ['{colour of case}', 'größer'],
    ['{{id}} is {id}', '{id} is SN-1'],
  ])('%j is filled in', (text, expected) => {
    expect(filled(text)).toBe(expected)
  })

  it.each([
    ['{color}', 'there is no variable {color}: there are {id}, {account}, {colour of case}'],
    ['{id', 'a { or } stands alone: name a variable in braces, or write {{ or }} for a brace itself'],
    ['id}', 'a { or } stands alone: name a variable in braces, or write {{ or }} for a brace itself'],
    ['{}', 'a { or } stands alone: name a variable in braces, or write {{ or }} for a brace itself'],
  ])('%j is refused', (text, problem) => {
    expect(filled(text)).toBe(problem)
  })
})
