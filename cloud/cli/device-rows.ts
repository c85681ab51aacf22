/** Devices to register, from a file: CSV with a header (id, secret or certificate or both, perhaps format), or NDJSON with the same members. */
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { CommandError } from './api-client.ts'

// An empty cell of a CSV is a format left out.
const format = z
  .string()
  .default('')
  .transform((text) => (text === '' ? 'zks' : text))
const rowSchema = z
  .strictObject({ id: z.string(), secret: z.string().optional(), format, certificate: z.string().optional() })
  .refine(({ secret, certificate }) => secret !== undefined || certificate !== undefined)
  .transform(({ secret = '', certificate = '', ...row }) => ({ ...row, secret, certificate }))

/** One device to register. */
export type DeviceRow = z.infer<typeof rowSchema>

/** Reads the rows of a file. An error names the row and never quotes it: it may hold a secret. */
export function parseDeviceRows(text: string): readonly DeviceRow[] {
  const values = text.trimStart().startsWith('{') ? parseNdjson(text) : parseCsv(text)
  return values.map((value, index) => {
    const row = rowSchema.safeParse(value)
    if (!row.success) throw new CommandError(`row ${index + 1} has not the members id, secret or certificate, and perhaps format`)
    return row.data
  })
}

function parseNdjson(text: string): readonly unknown[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  return lines.map((line, index) => {
    try {
      return JSON.parse(line)
    } catch {
      throw new CommandError(`row ${index + 1} is not JSON`)
    }
  })
}

function parseCsv(text: string): readonly unknown[] {
  try {
    return parse(text, { columns: true, bom: true, trim: true, skip_empty_lines: true })
  } catch {
    throw new CommandError('the file is neither CSV with a header line id,secret[,format] or id,certificate nor NDJSON')
  }
}
