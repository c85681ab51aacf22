/** `zipkey-cloud device`: register one or many, and show one. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { readPrivateFile } from '../data-folder.ts'
import { CommandError } from './api-client.ts'
import { type DeviceRow, parseDeviceRows } from './device-rows.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

/** The API takes as many at once. */
const CHUNK = 100

const results = z.object({ results: z.array(z.object({ id: z.string(), status: z.enum(['registered', 'error']), message: z.string() })) })

const readInput = (file: string): Promise<string> => (file === '-' ? readStdin() : readFile(file, 'utf8'))

async function readStdin(): Promise<string> {
  let text = ''
  for await (const part of process.stdin.setEncoding('utf8')) text += part
  return text
}

type RegisterOptions = { secretFile?: string; format: string; file?: string; json?: boolean }

async function rowsOf(id: string | undefined, options: RegisterOptions): Promise<readonly DeviceRow[]> {
  const { secretFile, file, format } = options
  if (file !== undefined && id === undefined) return parseDeviceRows(await readInput(file))
  if (file === undefined && id !== undefined && secretFile !== undefined) {
    const text = secretFile === '-' ? await readStdin() : await readPrivateFile(secretFile)
    return [{ id, secret: text.replace(/\r?\n$/, ''), format }]
  }
  throw new CommandError('name one device and its --secret-file, or a --file of many')
}

function addRegister(devices: Command, openApi: OpenApi): void {
  devices
    .command('register <account> [device-id]')
    .description('register devices with the secrets flashed at manufacture; prints a result for every row')
    .option('--secret-file <file>', 'the secret of one device; - is stdin')
    .option('--format <format>', 'zks, or opaque for a secret that you already had', 'zks')
    .option('--file <file>', 'many devices: CSV (id,secret[,format]) or NDJSON; - is stdin')
    .option('--json', 'print the results as JSON lines')
    .action(async (account: string, id: string | undefined, options: RegisterOptions) => {
      const rows = await rowsOf(id, options)
      const api = await openApi()
      let failed = 0
      for (let start = 0; start < rows.length; start += CHUNK) {
        const body = { devices: rows.slice(start, start + CHUNK) }
        const answer = await api.call('POST', `/v1/accounts/${encodeURIComponent(account)}/devices`, results, body)
        for (const result of answer.results) {
          failed += result.status === 'error' ? 1 : 0
          print(options.json === true ? JSON.stringify(result) : `${result.id} ${result.status}${result.message && `: ${result.message}`}`)
        }
      }
      if (failed > 0) throw new CommandError(`${failed} of ${rows.length} devices were not registered`)
    })
}

const device = z.object({
  account: z.string(),
  id: z.string(),
  created_at_ms: z.number(),
  temporary: z.object({ state: z.string(), provisioning_key: z.string().nullable() }),
  flashed: z.string(),
  issued: z.array(z.object({ credential: z.string(), generation: z.number(), state: z.string() })),
})

function addShow(devices: Command, openApi: OpenApi): void {
  devices
    .command('show <account> <device-id>')
    .description('show a device and the state of its credentials')
    .option('--json', 'as JSON')
    .action(async (account: string, id: string, options: { json?: boolean }) => {
      const path = `/v1/accounts/${encodeURIComponent(account)}/devices/${encodeURIComponent(id)}`
      const shown = await (await openApi()).call('GET', path, device)
      if (options.json === true) return print(JSON.stringify(shown))
      print(`${shown.account}/${shown.id}, since ${new Date(shown.created_at_ms).toISOString()}`)
      const { temporary } = shown
      print(`temporary  ${temporary.provisioning_key === null ? temporary.state : `t.${temporary.provisioning_key} ${temporary.state}`}`)
      print(`flashed    ${shown.flashed}`)
      for (const { credential, state } of shown.issued) print(`issued     ${credential} ${state}`)
    })
}

function addRotate(devices: Command, openApi: OpenApi): void {
  devices
    .command('rotate <account> <device-id>')
    .description('order a device to rotate its permanent secret; prints the id of the order')
    .action(async (account: string, id: string) => {
      const path = `/v1/accounts/${encodeURIComponent(account)}/devices/${encodeURIComponent(id)}/rotation-orders`
      print((await (await openApi()).call('POST', path, z.object({ order: z.string() }))).order)
    })
}

/** Adds the device commands. */
export function addDeviceCommands(program: Command, openApi: OpenApi): void {
  const devices = program.command('device').description('devices of an account')
  addRegister(devices, openApi)
  addShow(devices, openApi)
  addRotate(devices, openApi)
}
