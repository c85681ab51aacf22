/** Labels: the PDF is rendered by poppler, the codes are read by ZXing, as a camera would. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { labelSheet } from '../../../scripts/factory/labels/label-sheet.ts'
import { faultOfLabel, type LabelTemplate, readLabelTemplate } from '../../../scripts/factory/labels/label-template.ts'
import { zplLabels } from '../../../scripts/factory/labels/zpl.ts'
import { ProductionLine } from './production-line.ts'

const NAMES = ['id', 'account', 'batch', 'model']
const DPI = 200
const DOTS_PER_MM = DPI / 25.4

const device = (id: string, model = 'Größe 7') => ({ id, account: 'acme', batch: 'reel-9', model })
const run = (program: string, ...parameters: readonly string[]): string =>
  execFileSync(program, parameters, { encoding: 'utf8', stdio: 'pipe' })

function template(value: unknown): LabelTemplate {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-labels-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'label.json'), JSON.stringify(value))
  return readLabelTemplate(join(folder, 'label.json'), NAMES)
}

async function pdfOf(labels: LabelTemplate, devices: readonly ReturnType<typeof device>[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-labels-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'labels.pdf'), await labelSheet(labels, devices))
  return join(folder, 'labels.pdf')
}

/** What the code in a part of a page says. */
function scan(pdf: string, page: number, [x, y, width, height]: readonly [number, number, number, number]): string {
  const area = ['-x', x, '-y', y, '-W', width, '-H', height].map((each) =>
    typeof each === 'number' ? String(Math.round(each * DOTS_PER_MM)) : each,
  )
  run('pdftoppm', '-r', String(DPI), '-f', String(page), '-l', String(page), '-singlefile', ...area, '-png', pdf, `${pdf}-part`)
  return run('ZXingReader', '-format', 'QRCode', '-bytes', `${pdf}-part.png`)
}

describe('a sheet of labels', () => {
  it('holds as many as fit, each with a code that scans to its text and lines that can be read', async () => {
    const labels = template({ widthMm: 60, heightMm: 30, qr: 'https://acme.example/{batch}/{id}', lines: ['{id}', 'Model {model}'] })
    const ids = Array.from({ length: 30 }, (_, index) => `SN-${String(index + 1).padStart(3, '0')}`)
    const pdf = await pdfOf(
      labels,
      ids.map((id) => device(id)),
    )
    expect(run('pdfinfo', pdf)).toMatch(/Pages: +2\nEncrypted: +no\nPage size: +595\.\d+ x 841\.\d+ pts \(A4\)/)
    const text = run('pdftotext', '-raw', pdf, '-')
    for (const id of ids) expect(text).toContain(`${id}\nModel Größe 7\n`)
    expect(scan(pdf, 1, [8, 8, 60, 30])).toBe('https://acme.example/reel-9/SN-001')
    expect(scan(pdf, 1, [128, 8, 60, 30])).toBe('https://acme.example/reel-9/SN-003')
    expect(scan(pdf, 1, [128, 8 + 8 * 30, 60, 30])).toBe('https://acme.example/reel-9/SN-027')
    expect(scan(pdf, 2, [128, 8, 60, 30])).toBe('https://acme.example/reel-9/SN-030')
  })

  it('for a roll has a page for each', async () => {
    const labels = template({ widthMm: 40, heightMm: 20, page: 'label' })
    const pdf = await pdfOf(labels, [device('A-1'), device('B.2'), device('c'.repeat(63))])
    expect(run('pdfinfo', pdf)).toMatch(/Pages: +3\n(.*\n)*Page size: +113\.\d+ x 56\.\d+ pts/)
    for (const [index, id] of ['A-1', 'B.2', 'c'.repeat(63)].entries()) expect(scan(pdf, index + 1, [0, 0, 40, 20])).toBe(id)
  })
})

describe('labels for a label printer', () => {
  it('are ZPL with code, text and size, and nothing in a text is taken for a command', () => {
    const zpl = zplLabels(template({ widthMm: 50, heightMm: 25, dotsPerMm: 12, qr: '{model}', lines: ['{id}', '{model}'] }), [
      device('SN-1', 'a^b~c_d'),
    ])
    expect(zpl).toBe(
      '^XA^CI28^PW600^LL300^FO56,56^BQN,2,8^FH^FDMA,a_5Eb_7Ec_5Fd^FS^FO256,24^A0N,48,48^FH^FDSN-1^FS^FO256,84^A0N,48,48^FH^FDa_5Eb_7Ec_5Fd^FS^XZ\n',
    )
  })
})

describe('a label template', () => {
  it.each<[unknown, string | null]>([
    [{}, null],
    [{ lines: ['{id}', 'Größe €'] }, null],
    [{ lines: ['型番 {id}'] }, 'the label\'s "型番 SN-1" needs a font of its own: name one in the label template'],
    [{ lines: ['型番 {id}'], font: 'noto.ttf' }, null],
    [{ qr: 'x'.repeat(3000) }, "the label's QR code would be empty or hold more than one can"],
    [{ heightMm: 10 }, "the label is too small for its QR code: make it larger, or the code's text shorter"],
    [{ lines: Array.from({ length: 7 }, () => 'x') }, 'a label has at most 6 lines'],
  ])('%j is held against a device', (value, fault) => {
    expect(faultOfLabel(template(value), device('SN-1'))).toBe(fault)
  })
})

describe('the labels of a batch', () => {
  it('are made with it, made again where one is missing, and in its checksums', async () => {
    const at = new ProductionLine()
    await at.makeFactoryKey()
    at.put('ids.csv', 'id,model\nSN-1,X\nSN-2,Größe 7\n')
    at.put('label.json', JSON.stringify({ page: 'label', widthMm: 60, heightMm: 30, lines: ['{id}', '{model}'] }))
    const command = at.labelled('b', '--ids', 'ids.csv', '--credential', 'shared-secret', '--label-template', 'label.json')
    expect(await at.run(command)).toMatchObject({ code: 0, stderr: '' })
    expect(run('pdftotext', '-raw', at.path('b/labels/labels-0001.pdf'), '-')).toBe('SN-1\nX\n\fSN-2\nGröße 7\n\f')
    expect(scan(at.path('b/labels/labels-0001.pdf'), 2, [0, 0, 60, 30])).toBe('SN-2')
    expect(at.read('b/labels/labels-0001.zpl').match(/\^XA/g)).toHaveLength(2)
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: at.path('b') })
    const zpl = at.read('b/labels/labels-0001.zpl')
    rmSync(at.path('b/labels/labels-0001.zpl'))
    expect(await at.run(command)).toMatchObject({ code: 0 })
    expect(at.read('b/labels/labels-0001.zpl')).toBe(zpl)
  })
})
