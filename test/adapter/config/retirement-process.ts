/** Retires the key of one config as whoever runs this, for tests that run it as the agent's user; each log line goes to stdout. */
import { KeyRetirement } from '../../../config/key-retirement.ts'
import { createKeptLog } from '../../fakes/log.ts'

const [file = ''] = process.argv.slice(2)
const { log, lines } = createKeptLog()
const keys = new KeyRetirement({ files: [file], name: { account: 'acme', device: 'SN-000123' }, credentialsDirectory: null, log })

keys.run().then(() => {
  for (const { level, msg } of lines) process.stdout.write(`${level} ${msg}\n`)
})
