/** A mutant of the product: the real files with one place changed, bundled in memory. The checkout is not touched. */
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { build, type Plugin } from 'esbuild'
import type { Product } from './product.ts'

/** A text that stands in a real file exactly once, and what stands there instead. */
export type Patch = { readonly file: string; readonly replace: string; readonly by: string }

const ROOT = join(import.meta.dirname, '..', '..')

/** Throws where a file has changed so that the text is gone, or stands in more than one place: the mutation must then be written anew. */
export async function patched(patch: Patch): Promise<string> {
  const text = await readFile(join(ROOT, patch.file), 'utf8')
  const times = text.split(patch.replace).length - 1
  if (times !== 1) throw new Error(`${patch.file} has the text of the mutation ${times} times instead of once: ${patch.replace}`)
  return text.replace(patch.replace, () => patch.by)
}

const patching = (patches: readonly Patch[]): Plugin => ({
  name: 'mutation',
  setup({ onLoad, onEnd }) {
    const applied = new Set<Patch>()
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const patch = patches.find(({ file }) => file === relative(ROOT, path))
      if (patch === undefined) return null
      applied.add(patch)
      return { contents: await patched(patch), loader: 'ts' }
    })
    onEnd(() => {
      const unused = patches.filter((patch) => !applied.has(patch))
      if (unused.length > 0) throw new Error(`nothing that is explored imports ${unused.map(({ file }) => file).join(', ')}`)
    })
  },
})

/** The product with these patches. */
export async function mutantOf(patches: readonly Patch[]): Promise<Product> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'test/explorer/product.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
    plugins: [patching(patches)],
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error('esbuild wrote nothing')
  const url = `data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`
  const { product } = (await import(/* @vite-ignore */ url)) as { readonly product: Product }
  return product
}
