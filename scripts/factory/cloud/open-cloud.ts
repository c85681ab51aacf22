/** Opens the way to the cloud that a command was told of. */
import { readClientFile } from './client-file.ts'
import { CloudConnection } from './cloud-connection.ts'

/** How a command was called. */
type Called = { readonly client?: string; readonly json: boolean }

/** The connection, and where it leads; that it waits for the cloud is told on stderr, but to programs. */
export function openCloud({ client, json }: Called, signal: AbortSignal): { readonly cloud: CloudConnection; readonly url: string } {
  const access = readClientFile(client)
  return { cloud: new CloudConnection(access, signal, json ? () => {} : (line) => console.error(line)), url: access.url }
}
