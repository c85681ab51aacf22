/** Where a PostgreSQL database is, as `config.json` says it: a URL without its password. */
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

/** A database of a server. Over a network its TLS certificate is checked unless the URL says `sslmode=disable`. */
export type PostgresAddress = {
  /** A name, an address, or the folder of a unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  /** Null: whom the operating system says. */
  readonly user: string | null
  readonly tls: boolean
}

const DEFAULT_PORT = 5432
const PARAMETERS = ['host', 'sslmode']

const isLocal = (host: string): boolean => host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(\.[0-9]+){3}$/.test(host)

/** Reads `postgres://[<user>@]<host>[:<port>]/<database>[?sslmode=disable]`; `?host=/folder` names a unix socket. */
export function parsePostgresUrl(text: string): Parsed<PostgresAddress> {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return unparsed('it is not postgres://<user>@<host>/<database>')
  const url = new URL(text)
  if (url.password !== '') return unparsed('the password does not belong into the URL: put it into a file and name that as passwordFile')
  const database = decodeURIComponent(url.pathname.slice(1))
  if (database === '' || database.includes('/')) return unparsed('the URL names no database')
  const stranger = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (stranger !== undefined) return unparsed(`the URL's parameters are ${PARAMETERS.join(' and ')}, not ${stranger}`)
  const host = url.searchParams.get('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === '') return unparsed('the URL names no host')
  const sslmode = url.searchParams.get('sslmode') ?? (isLocal(host) ? 'disable' : 'verify-full')
  if (sslmode !== 'disable' && sslmode !== 'verify-full') return unparsed('sslmode is verify-full or disable')
  const user = url.username === '' ? null : decodeURIComponent(url.username)
  return parsed({ host, port: url.port === '' ? DEFAULT_PORT : Number(url.port), database, user, tls: sslmode === 'verify-full' })
}
