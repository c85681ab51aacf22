/** What `zipkey-agent.cjs` is: runs the bundle beside it. */
import { join } from 'node:path'
import { compileBundle } from './code-cache.ts'

const bundleFile = join(__dirname, 'zipkey-agent.bundle.cjs')
compileBundle(bundleFile).runInThisContext()(module.exports, require, module, bundleFile, __dirname)
