/** `zipkey-cloud device`: register one or many, list and show them. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { readPrivateFile } from '../data-folder.ts'
import { CommandError } from './api-client.ts'
import { path, timeText } from './arguments.ts'
import { addDeviceCareCommands } from './device-care-commands.ts'
import { type DeviceRow, parseDeviceRows } from './device-rows.ts'
import { listedDevices } from './device-selection.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'
import { addRotate } from './rotation-commands.ts'

/** The API takes as many at once. */
const CHUNK = 100

const results = z.object({ results: z.array(z.object({ id: z.string(), status: z.enum(['registered', 'error']), message: z.string() })) })

const readInput = (file: string): Promise<string> => (file === '-' ? readStdin() : readFile(file, 'utf8'))

async function readStdin(): Promise<string> {
  let text = ''
  for await (const part of process.stdin.setEncoding('utf8')) text += part
  return text
}

type RegisterOptions = { secretFile?: string; certificateFile?: string; format: string; file?: string; json?: boolean }

async function rowsOf(id: string | undefined, options: RegisterOptions): Promise<readonly DeviceRow[]> {
  const { secretFile, certificateFile, file, format } = options
  if (file !== undefined && id === undefined) return parseDeviceRows(await readInput(file))
  if (file === undefined && id !== undefined && (secretFile ?? certificateFile) !== undefined) {
    const secret = secretFile === undefined ? '' : await readSecret(secretFile)
    return [{ id, secret, format, certificate: certificateFile === undefined ? '' : await readInput(certificateFile) }]
  }
  throw new CommandError('name one device and its --secret-file or --certificate-file, or a --file of many')
}

async function readSecret(file: string): Promise<string> {
  const text = file === '-' ? await readStdin() : await readPrivateFile(file)
  return text.replace(/\r?\n$/, '')
}

function addRegister(devices: Command, openApi: OpenApi): void {
  devices
    .command('register <account> [device-id]')
    .description('register devices with the secrets or certificates flashed at manufacture; prints a result for every row')
    .option('--secret-file <file>', 'the secret of one device; - is stdin')
    .option('--certificate-file <file>', 'the certificate of one device in PEM, or its SHA-256 fingerprint; - is stdin')
    .option('--format <format>', 'zks, or opaque for a secret that you already had', 'zks')
    .option('--file <file>', 'many devices: CSV (id,secret[,format] or id,certificate) or NDJSON; - is stdin')
    .option('--json', 'print the results as JSON lines')
    .action(async (account: string, id: string | undefined, options: RegisterOptions) => {
      const rows = await rowsOf(id, options)
      const api = await openApi()
      let failed = 0
      for (let start = 0; start < rows.length; start += CHUNK) {
        const body = { devices: rows.slice(start, start + CHUNK) }
        const answer = await api.call('POST', path('accounts', account, 'devices'), results, body)
        for (const result of answer.results) {
          failed += result.status === 'error' ? 1 : 0
          print(options.json === true ? JSON.stringify(result) : `${result.id} ${result.status}${result.message && `: ${result.message}`}`)
        }
      }
      if (failed > 0) throw new CommandError(`${failed} of ${rows.length} devices were not registered`)
    })
}

const alarm = z.object({ id: z.string(), kind: z.string(), count: z.number(), detail: z.string() })

const device = z.looseObject({
  account: z.string(),
  id: z.string(),
  created_at_ms: z.number(),
  temporary: z.object({ state: z.string(), provisioning_key: z.string().nullable() }),
  flashed: z.string(),
  issued: z.array(z.object({ credential: z.string(), generation: z.number(), state: z.string() })),
  promoted_ms: z.number().nullable(),
  frozen_since_ms: z.number().nullable(),
  rearmed: z.object({ credential: z.string(), until_ms: z.number(), issued: z.string().nullable() }).nullable(),
  order: z.object({ id: z.string(), created_at_ms: z.number() }).nullable(),
  runs: z.array(z.object({ run: z.string(), first_heard_ms: z.number() })),
  alarms: z.array(alarm),
})

function addShow(devices: Command, openApi: OpenApi): void {
  devices
    .command('show <account> <device-id>')
    .description('show a device: its credentials, what was ordered, what was heard of it, its open alarms')
    .option('--json', 'as JSON')
    .action(async (account: string, id: string, options: { json?: boolean }) => {
      const shown = await (await openApi()).call('GET', path('accounts', account, 'devices', id), device)
      if (options.json === true) print(JSON.stringify(shown))
      else for (const line of linesOf(shown)) print(line)
    })
}

function linesOf({ account, id, created_at_ms, temporary, flashed, issued, ...rest }: z.infer<typeof device>): readonly string[] {
  const { promoted_ms, frozen_since_ms, rearmed, order, runs, alarms } = rest
  return [
    `${account}/${id}, since ${timeText(created_at_ms)}`,
    `temporary  ${temporary.provisioning_key === null ? temporary.state : `t.${temporary.provisioning_key} ${temporary.state}`}`,
    `flashed    ${flashed}`,
    ...issued.map(({ credential, state }) =>
      state === 'current' ? `issued     ${credential} ${state} since ${timeText(promoted_ms)}` : `issued     ${credential} ${state}`,
    ),
    ...(frozen_since_ms === null ? [] : [`rotation   frozen since ${timeText(frozen_since_ms)}`]),
    ...(order === null ? [] : [`order      ${order.id} since ${timeText(order.created_at_ms)}`]),
    ...(rearmed === null ? [] : [`rearmed    ${rearmed.credential} until ${timeText(rearmed.until_ms)}`]),
    ...runs.map(({ run, first_heard_ms }) => `run        ${run} first heard of at ${timeText(first_heard_ms)}`),
    ...alarms.map(({ id: alarmId, kind, count, detail }) => `alarm      ${alarmId} ${kind} ×${count} ${detail}`),
  ]
}

const listed = z.looseObject({
  id: z.string(),
  temporary: z.string(),
  flashed: z.string(),
  current: z.string().nullable(),
  promoted_ms: z.number().nullable(),
  frozen_since_ms: z.number().nullable(),
  rearmed_until_ms: z.number().nullable(),
})

function listLine({ id, temporary, flashed, current, promoted_ms, frozen_since_ms, rearmed_until_ms }: z.infer<typeof listed>): string {
  const works = current ?? (flashed === 'good' ? 'flashed' : temporary === 'open' ? 'enrolling' : 'no good credential')
  return [
    id,
    current === null ? works : `${works} since ${timeText(promoted_ms)}`,
    ...(frozen_since_ms === null ? [] : [`frozen since ${timeText(frozen_since_ms)}`]),
    ...(rearmed_until_ms === null ? [] : [`rearmed until ${timeText(rearmed_until_ms)}`]),
  ].join('  ')
}

function addList(devices: Command, openApi: OpenApi): void {
  devices
    .command('list <account>')
    .description('show the devices of an account, by id')
    .option('--state <state>', 'those that are enrolling, permanent, ended, frozen or rearmed')
    .option('--pattern <pattern>', 'whose id matches; * and ? as wildcards')
    .option('--json', 'as JSON lines')
    .action(async (account: string, { json, ...query }: { state?: string; pattern?: string; json?: boolean }) => {
      for await (const page of listedDevices(await openApi(), account, query, listed)) {
        for (const each of page) print(json === true ? JSON.stringify(each) : listLine(each))
      }
    })
}

/** Adds the device commands. */
export function addDeviceCommands(program: Command, openApi: OpenApi): void {
  const devices = program.command('device').description('devices of an account')
  addRegister(devices, openApi)
  addList(devices, openApi)
  addShow(devices, openApi)
  addRotate(devices, openApi)
  addDeviceCareCommands(devices, openApi)
}
