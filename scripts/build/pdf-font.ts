/**
 * pdfkit looks its own fonts up on the disk, beside itself, where a bundle has none. The one that the factory's labels use goes into
 * the bundle.
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'

const LOOKED_UP = "require$1('#standard-fonts/Helvetica')"

/** For bundles that pdfkit is in. */
export const pdfFont: Plugin = {
  name: 'pdf-font',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^pdfkit$/, namespace: 'file' }, ({ importer, resolveDir, pluginData }) =>
      pluginData === 'found' ? undefined : resolve('pdfkit', { importer, resolveDir, kind: 'require-call', pluginData: 'found' }),
    )
    onLoad({ filter: /\/node_modules\/pdfkit\/js\/pdfkit\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      if (!source.includes(LOOKED_UP)) throw new Error(`${path}: looks fonts up in another way than before: see scripts/build/pdf-font.ts`)
      const font = JSON.stringify(join(dirname(path), 'standard-fonts/Helvetica.cjs'))
      return { contents: source.replace(LOOKED_UP, `require(${font})`), resolveDir: dirname(path) }
    })
  },
}
