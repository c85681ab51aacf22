/** The man pages: mandoc finds nothing wrong with them, and they tell of every command and option that there is. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { builtProgram } from '../../../scripts/story/programs.ts'

const FOLDER = join(import.meta.dirname, '../../../scripts/factory/man')
const pages = readdirSync(FOLDER)

const help = (...command: readonly string[]): string =>
  execFileSync(process.execPath, [builtProgram('zipkey-factory'), ...command, '--help'], { encoding: 'utf8' })

/** The words that a help text lists on the left. */
const listed = (text: string, form: RegExp): readonly string[] => [...text.matchAll(form)].map(([, word = '']) => word)

/** How a terminal's bold is written. */
const OVERSTRIKE = new RegExp(`.${String.fromCharCode(8)}`, 'g')

const text = (page: string): string =>
  execFileSync('mandoc', ['-T', 'ascii', join(FOLDER, page)], { encoding: 'utf8' }).replace(OVERSTRIKE, '')

describe('the man pages', () => {
  it.each(pages)('%s is well made', (page) => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', join(FOLDER, page)], { encoding: 'utf8' })
    // Whether pages of other programs are installed here is not its fault.
    expect(stdout.split('\n').filter((line) => line !== '' && !/mandoc\.db|referenced manual not found/.test(line))).toEqual([])
  })

  it('tell of every command', () => {
    const commands = listed(help(), /^ {2}([a-z]+)\b/gm).filter((word) => word !== 'help')
    expect(commands.length).toBeGreaterThan(4)
    expect(pages).toEqual(expect.arrayContaining(['zipkey-factory.1', ...commands.map((word) => `zipkey-factory-${word}.1`)]))
    for (const word of commands) expect(text('zipkey-factory.1')).toMatch(new RegExp(`^ +${word}\\b`, 'm'))
  })

  it.each([
    ['config', ['config']],
    ['key', ['key', 'create']],
    ['batch', ['batch', 'create']],
    ['flash', ['flash']],
    ['verify', ['verify']],
    ['register', ['register']],
    ['status', ['status']],
    ['revoke', ['revoke']],
    ['report', ['report']],
  ])('tell of every option: %s', (page, command) => {
    const options = listed(help(...command), /^ {2}(--[a-z-]+)/gm)
    expect(options.length).toBeGreaterThan(1)
    const shown = text(`zipkey-factory-${page}.1`)
    for (const option of options) expect([option, shown.includes(option)]).toEqual([option, true])
  })
})
