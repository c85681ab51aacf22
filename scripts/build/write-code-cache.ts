/**
 * What `write-code-cache.cjs BUNDLE CONFIG` is: runs the agent against an example config and a bus with nobody on it, until it has
 * found no supplicant there, and writes what V8 compiled on the way beside the bundle. It must run with the node, and on the
 * processor, that will run the agent; it touches nothing else of the system.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { compileBundle, writeCache } from './code-cache.ts'
import { openSilentBus } from './silent-bus.ts'

/** Hello, and the call that finds no supplicant. */
const ENOUGH_CALLS = 2
const SETTLE_MS = 200
const GIVE_UP_MS = 20_000

async function warmUp(bundleArgument: string, configFile: string): Promise<void> {
  const bundleFile = resolve(bundleArgument)
  const scratch = mkdtempSync(join(dirname(bundleFile), '.code-cache-'))
  const busFile = join(scratch, 'bus')
  let isWarm = false
  const script = compileBundle(bundleFile)
  process.on('exit', () => {
    if (isWarm) writeCache(bundleFile, script)
    rmSync(scratch, { recursive: true, force: true })
    process.exitCode = isWarm ? 0 : 1
  })
  await openSilentBus(busFile, (ordinal) => {
    if (ordinal < ENOUGH_CALLS) return
    isWarm = true
    setTimeout(() => process.emit('SIGTERM'), SETTLE_MS).unref()
  })
  setTimeout(() => process.exit(1), GIVE_UP_MS).unref()
  Object.assign(process.env, {
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${busFile}`,
    ZIPKEY_CONFIG: resolve(configFile),
    ZIPKEY_STATE_DIRECTORY: join(scratch, 'state'),
    ZIPKEY_LOG_LEVEL: 'error',
  })
  delete process.env.NOTIFY_SOCKET
  process.argv.length = 2
  script.runInThisContext()(module.exports, require, module, bundleFile, dirname(bundleFile))
}

const [, , bundleArgument, configArgument] = process.argv
if (bundleArgument === undefined || configArgument === undefined) {
  process.stderr.write('usage: write-code-cache.cjs BUNDLE CONFIG\n')
  process.exit(64)
}
warmUp(bundleArgument, configArgument).catch((error: unknown) => {
  process.stderr.write(`no code cache: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
