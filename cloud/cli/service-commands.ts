/** `zipkey-cloud init` and `serve`, the two that work on the folder itself, `signing-keys` and `device-ca`. */

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { databaseSchema } from '../data-folder.ts'
import { type InitOptions, initCloud, type TlsChoice } from '../init.ts'
import { startService } from '../service.ts'
import { CommandError } from './api-client.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

type InitFlags = { data: string; host: string; issuer?: string; listen: string } & TlsFlags & DatabaseFlags
type TlsFlags = { tlsCert?: string; tlsKey?: string; tlsCa?: string }
type DatabaseFlags = { database?: string; databasePasswordFile?: string; databaseCa?: string }

function databaseSettings({ database, databasePasswordFile, databaseCa }: DatabaseFlags): Pick<InitOptions, 'database'> {
  if (database === undefined) return {}
  const passwordFile = databasePasswordFile === undefined ? {} : { passwordFile: resolve(databasePasswordFile) }
  const caFile = databaseCa === undefined ? {} : { caFile: resolve(databaseCa) }
  const settings = databaseSchema.safeParse({ url: database, ...passwordFile, ...caFile })
  if (!settings.success) throw new CommandError(`--database: ${settings.error.issues[0]?.message ?? ''}`)
  return { database: settings.data }
}

function tlsChoice({ tlsCert, tlsKey, tlsCa }: TlsFlags): TlsChoice {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return { kind: 'self-signed' }
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) {
    throw new CommandError('name all of --tls-cert, --tls-key and --tls-ca, or none of them')
  }
  return { kind: 'files', cert: tlsCert, key: tlsKey, ca: tlsCa }
}

/** Where `init` and `serve` work unless they are told. */
export const DEFAULT_FOLDER = '/var/lib/zipkey-cloud'

/** Adds `init`. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description('make the folder of a new cloud: keys, database, first operator key, TLS certificate')
    .requiredOption('--host <name>', 'the name that devices reach the Cloud API by')
    .option('--data <folder>', 'the folder to make', DEFAULT_FOLDER)
    .option('--listen <address:port>', 'where to listen', '127.0.0.1:8443')
    .option('--issuer <text>', 'what devices name as audience, for ever (default: https://<host>)')
    .option('--tls-cert <file>', "the Cloud API's certificate with its chain (default: one made now by a CA made now)")
    .option('--tls-key <file>', 'its private key')
    .option('--tls-ca <file>', 'the CA that issued it')
    .option('--database <url>', 'an empty PostgreSQL database, postgres://<user>@<host>/<database> (default: SQLite in the folder)')
    .option('--database-password-file <file>', 'its password, in a file of mode 0600')
    .option('--database-ca <file>', "the CA of the server's TLS certificate (default: the system's)")
    .action(async (flags: InitFlags) => {
      const { data, host, listen } = flags
      await initCloud({
        folder: data,
        host,
        listen,
        issuer: flags.issuer ?? `https://${host}`,
        tls: tlsChoice(flags),
        ...databaseSettings(flags),
      })
      print(`made ${data}`)
      print(`start it:      zipkey-cloud serve --data ${data}`)
      print(`work with it:  zipkey-cloud --client ${data}/client.json account create acme`)
    })
}

/** Adds `serve`; it ends on SIGTERM or SIGINT, after the requests at hand. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the service')
    .option('--data <folder>', 'the folder that init made', DEFAULT_FOLDER)
    .option('--listen <address:port>', 'where to listen, other than its config says; port 0 takes a free one')
    .option('--log-level <level>', 'trace, debug, info, warn or error')
    .action(async ({ data, listen, logLevel }: { data: string; listen?: string; logLevel?: string }) => {
      const options = { ...(listen === undefined ? {} : { listen }), ...(logLevel === undefined ? {} : { logLevel }) }
      const service = await startService(data, options)
      print(`listening on port ${service.port}`)
      const stop = (): void => {
        void service.close()
      }
      process.once('SIGTERM', stop)
      process.once('SIGINT', stop)
    })
}

/** Adds `device-ca`. */
export function addDeviceCa(program: Command, openApi: OpenApi): void {
  program
    .command('device-ca')
    .description("print the CA certificates (PEM) that hotspots check devices' certificates against")
    .option('--out <file>', 'write them into a file')
    .action(async ({ out }: { out?: string }) => {
      const { ca } = await (await openApi()).call('GET', '/v1/device-ca', z.object({ ca: z.string() }))
      if (out === undefined) print(ca.trimEnd())
      else await writeFile(out, ca)
    })
}

/** Adds `signing-keys`. */
export function addSigningKeys(program: Command, openApi: OpenApi): void {
  program
    .command('signing-keys')
    .description("print the cloud's public signing keys (JWKS) for the CA config of devices")
    .option('--out <file>', 'write them into a file')
    .action(async ({ out }: { out?: string }) => {
      const keys = await (await openApi()).call('GET', '/v1/jwks', z.object({ keys: z.array(z.record(z.string(), z.unknown())) }))
      const text = JSON.stringify(keys, null, 2)
      if (out === undefined) print(text)
      else await writeFile(out, `${text}\n`)
    })
}
