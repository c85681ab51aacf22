/** A cloud process whose clock a test sets: `<folder> <listen> <log level> <file with the offset in ms>`. */
import { readFileSync } from 'node:fs'
import { startService } from '../../cloud/service.ts'

async function serve([folder = '', listen = '', logLevel = '', clockFile = '']: readonly string[]): Promise<void> {
  const service = await startService(folder, { listen, logLevel, nowMs: () => Date.now() + Number(readFileSync(clockFile, 'utf8')) })
  process.stdout.write(`listening on port ${service.port}\n`)
  process.once('SIGTERM', () => void service.close())
}

void serve(process.argv.slice(2))
