/**
 * A process of its own over a state directory, for tests that look at it from outside or kill it:
 * `swap` stores and promotes a credential and ends, `hold` keeps the store open until its input ends, `probe` says whether it opens,
 * `load` says which credential is current.
 */
import { credentialLabel } from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { AgentError } from '../../../agent/failure.ts'
import { createLog } from '../../../agent/log.ts'
import { openStore } from '../../../agent/store/store.ts'

const [directory = '', action = ''] = process.argv.slice(2)

const credential = {
  kind: 'shared-secret',
  id: { kind: 'issued', secretId: 'mk1-1-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb' },
  secret: new Secret(new Uint8Array(32).fill(1)),
} as const

async function act(): Promise<string> {
  const store = await openStore({ directory, identity: { account: 'acme', device: 'dev-1' }, log: createLog('error', { journal: false }) })
  if (action === 'probe') return 'open'
  if (action === 'load') {
    const { current } = await store.load()
    return `current ${current === null ? 'none' : credentialLabel(current)}`
  }
  if (action === 'hold') {
    process.stdout.write('open\n')
    for await (const _ of process.stdin);
    return 'closed'
  }
  await store.nonce('fresh')
  await store.storePending(credential)
  await store.promote(credential)
  return 'swapped'
}

act().then(
  (outcome) => process.stdout.write(`${outcome}\n`, () => process.exit(0)),
  (error: unknown) => process.stdout.write(`${error instanceof AgentError ? error.code : error}\n`, () => process.exit(1)),
)
