/** A CA and a server certificate to start with, made by the openssl program: Node reads certificates but does not make them. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DataFolderError } from './data-folder.ts'

const execute = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const DAYS = '3650'

async function run(program: string, parameters: readonly string[]): Promise<void> {
  await execute(program, [...parameters]).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'it is not installed' : error.message
    throw new DataFolderError(`no certificate could be made by ${program} (${why}): name one with --tls-cert, --tls-key and --tls-ca`)
  })
}

/** Makes `ca.pem`, `ca.key`, `server.pem` and `server.key` in a new folder, for this host name and for localhost. */
export async function createSelfSignedTls(folder: string, host: string): Promise<void> {
  if (!/^[A-Za-z0-9.-]+$/.test(host)) throw new DataFolderError('the host is a DNS name or an IPv4 address')
  await mkdir(folder, { mode: 0o700 })
  const file = (name: string): string => join(folder, name)
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  const caSubject = ['-subj', '/CN=ZipKey Cloud CA', '-days', DAYS]
  await run('openssl', ['req', '-x509', ...NEW_KEY, ...caSubject, ...usage, '-keyout', file('ca.key'), '-out', file('ca.pem')])
  await run('openssl', ['req', '-new', ...NEW_KEY, '-subj', `/CN=${host}`, '-keyout', file('server.key'), '-out', file('server.csr')])
  const names = [/^[0-9.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`, 'DNS:localhost', 'IP:127.0.0.1', 'IP:::1']
  await writeFile(file('server.ext'), `basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=${names.join(',')}\n`)
  const authority = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', file('server.ext'), '-days', DAYS]
  await run('openssl', ['x509', '-req', '-in', file('server.csr'), ...authority, '-out', file('server.pem')])
  for (const key of ['ca.key', 'server.key']) await chmod(file(key), 0o600)
  for (const scrap of ['server.csr', 'server.ext', 'ca.srl']) await rm(file(scrap), { force: true })
}
