/** The adapter against a gateway on the loopback that speaks HTTP, HTTPS, the captive-portal API and WISPr. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { KeylessHotspot, PageLogin } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { AgentError } from '../../../agent/failure.ts'
import { createLoginPages } from '../../../agent/portal/login-pages.ts'
import type { Link } from '../../../agent/ports.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { linkOn, plainBssAt } from '../../unit/lifecycle/samples.ts'
import { type Issued, TestAuthority } from '../cloud-client/certificates.ts'
import { type Handler, startTlsServer } from '../cloud-client/tls-server.ts'

let authority: TestAuthority
let certificate: Issued
beforeAll(() => {
  authority = TestAuthority.root('tests of login pages')
  certificate = authority.issue()
})
afterAll(() => authority.remove())

const wispr = (name: string, leaves: Readonly<Record<string, string>>): string => {
  const text = Object.entries(leaves).map(([key, value]) => `<${key}>${value}</${key}>`)
  return `<html><!-- <WISPAccessGatewayParam><${name}>${text.join('')}</${name}></WISPAccessGatewayParam> --></html>`
}
const redirectTo = (url: string): string => wispr('Redirect', { MessageType: '100', ResponseCode: '0', LoginURL: url })
const replied = (code: string, more: Readonly<Record<string, string>> = {}): string =>
  wispr('AuthenticationReply', { MessageType: '120', ResponseCode: code, ...more })

const CREDENTIALS = 'UserName=guest&Password=geheim'

/** Whether the gateway lets the device through; `reaches` counts how often it tried. */
class Gateway {
  isOpen = false
  reaches = 0
  slowMs = 0

  readonly reachCloud = async (signal: AbortSignal): Promise<void> => {
    this.reaches += 1
    if (this.slowMs > 0) await sleep(this.slowMs, undefined, { signal })
    signal.throwIfAborted()
    if (!this.isOpen) throw new AgentError('ERR_CLOUD_UNREACHABLE', 'the gateway drops it')
  }
}

async function startHttp(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const answering = (body: string, status = 200, location: string | null = null) =>
  startHttp((_, response) => void response.writeHead(status, location === null ? {} : { location }).end(body))

const login = (changes: Partial<PageLogin> = {}): PageLogin => ({
  username: 'guest',
  password: new Secret('geheim'),
  serverName: 'localhost',
  caPem: authority.certificatePem,
  allowUnencrypted: false,
  ...changes,
})

type World = {
  readonly gateway: Gateway
  readonly probePort: number
  readonly login?: PageLogin | null
  readonly captiveApi?: string | null
}

const NOBODY_LISTENS = 1

function pass({ gateway, probePort, login: own = null, captiveApi = null }: World, signal = new AbortController().signal): Promise<void> {
  const hotspot: KeylessHotspot = { security: 'open', ssid: Buffer.from('Free'), hidden: false, frequenciesMhz: [], login: own }
  const link: Link = { ...linkOn({ ...plainBssAt(1), hotspot }), captiveApi }
  const options = { cloudUrl: 'https://localhost:1', reachCloud: gateway.reachCloud, log: createKeptLog().log, probePort, patienceMs: 200 }
  return createLoginPages(options).pass(link, signal)
}

describe('without a page in the way', () => {
  test('nothing is asked of anybody but the cloud', async () => {
    const gateway = new Gateway()
    gateway.isOpen = true
    let asked = 0
    const probePort = await startHttp((_, response) => {
      asked += 1
      response.end()
    })
    await pass({ gateway, probePort })
    expect([gateway.reaches, asked]).toEqual([1, 0])
  })

  test.each<[string, () => Promise<number>]>([
    ['nobody answers in the clear', async () => NOBODY_LISTENS],
    ['the cloud’s own host says no in the clear', () => answering('not here', 404)],
    ['the cloud’s own host sends to itself by TLS', () => answering('', 301, 'https://localhost:1/')],
  ])('a cloud that cannot be reached is left to its own call: %s', async (_, start) => {
    await pass({ gateway: new Gateway(), probePort: await start() })
  })

  test('a slow cloud is waited for while a page is looked for', async () => {
    const gateway = new Gateway()
    gateway.isOpen = true
    gateway.slowMs = 300
    await pass({ gateway, probePort: await startHttp((_, response) => void setTimeout(() => response.end('<html>'), 500)) })
  })
})

describe('behind a page that only a person can pass', () => {
  test.each<[string, () => Promise<number>]>([
    ['shown in place of the cloud', () => answering('<html>terms and conditions</html>')],
    ['told by its status', () => answering('log in first', 511)],
    ['sent to, on a host that answers', async () => answering('', 302, `http://127.0.0.1:${await answering('<form>')}/in`)],
    ['sent to, on a host that does not', () => answering('', 302, 'http://127.0.0.1:1/in')],
    [
      'sent to in circles',
      () =>
        startHttp(
          ({ socket: { localPort } }, response) => void response.writeHead(302, { location: `http://127.0.0.1:${localPort}/` }).end(),
        ),
    ],
    ['sent to by a certificate of its own', () => answering('', 302, 'https://127.0.0.1:1/in')],
    ['larger than anything', () => answering('<html>'.padEnd(500_000, 'x'))],
  ])('the hotspot is not online, with or without a login: %s', async (_, start) => {
    const probePort = await start()
    for (const own of [null, login()])
      await expect(pass({ gateway: new Gateway(), probePort, login: own })).rejects.toMatchObject({
        code: 'ERR_WIFI_LOGIN_PAGE',
        message: expect.stringContaining('only a person'),
      })
  })

  test('a hotspot that names its page by the captive-portal API is believed in that', async () => {
    const api = await startTlsServer(certificate, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/captive+json' })
      response.end(JSON.stringify({ captive: true, 'user-portal-url': 'https://127.0.0.1:1/in' }))
    })
    const captiveApi = `${api.url}/api`
    const passing = pass({ gateway: new Gateway(), probePort: NOBODY_LISTENS, login: login(), captiveApi })
    await expect(passing).rejects.toMatchObject({ code: 'ERR_WIFI_LOGIN_PAGE' })
    expect(api.requests).toEqual(['GET /api '])
  })

  test('a hotspot whose API says that nothing is in the way is left to the call of the cloud', async () => {
    const api = await startTlsServer(certificate, (_, response) => void response.end('{"captive":false}'))
    const probePort = await answering('<html>')
    await pass({ gateway: new Gateway(), probePort, login: login(), captiveApi: `${api.url}/api` })
  })

  test('an API that is not of the expected CA says nothing', async () => {
    const other = TestAuthority.root('somebody else')
    const api = await startTlsServer(other.issue(), (_, response) => void response.end('{"captive":false}'))
    const passing = pass({ gateway: new Gateway(), probePort: await answering('<html>'), login: login(), captiveApi: `${api.url}/api` })
    await expect(passing).rejects.toMatchObject({ code: 'ERR_WIFI_LOGIN_PAGE' })
    other.remove()
  })
})

describe('behind a page that programs can pass', () => {
  /** A page with a login server behind it, which gives these replies one after the other. */
  async function startPage(gateway: Gateway, ...replies: readonly ((url: string) => string)[]) {
    let turn = 0
    const handler: Handler = (_, response) => {
      const reply = replies[Math.min(turn, replies.length - 1)]
      turn += 1
      const text = reply?.(server.url) ?? ''
      if (text.includes('<ResponseCode>50<')) gateway.isOpen = true
      response.end(text)
    }
    const server = await startTlsServer(certificate, handler)
    const probePort = await answering(redirectTo(`${server.url}/login`), 302, `${server.url}/page`)
    return { server, probePort }
  }

  test('the device logs in by WISPr, and is through once the cloud is reachable', async () => {
    const gateway = new Gateway()
    const { server, probePort } = await startPage(gateway, () => replied('50'))
    await pass({ gateway, probePort, login: login() })
    expect(server.requests).toEqual([expect.stringContaining(`POST /login button=Login&${CREDENTIALS}`)])
  })

  test('the result may be asked for later, and the page may be behind others', async () => {
    const gateway = new Gateway()
    const { server, probePort } = await startPage(
      gateway,
      (url) => replied('201', { LoginResultsURL: `${url}/result` }),
      () => wispr('AuthenticationPollReply', { MessageType: '140', ResponseCode: '50' }),
    )
    const proxyPort = await answering(
      wispr('Proxy', { MessageType: '110', ResponseCode: '200', NextURL: `http://localhost:${probePort}/` }),
    )
    await pass({ gateway, probePort: proxyPort, login: login() })
    expect(server.requests.map((line) => line.slice(0, 12))).toEqual(['POST /login ', 'GET /result '])
  })

  test('by the captive-portal API the page is found where requests in the clear are just dropped', async () => {
    const gateway = new Gateway()
    const { server } = await startPage(gateway, () => replied('50'))
    const api = await startTlsServer(certificate, (request, response) => {
      if (request.url === '/api') response.end(JSON.stringify({ captive: true, 'user-portal-url': `${api.url}/page` }))
      else response.end(redirectTo(`${server.url}/login`))
    })
    await pass({ gateway, probePort: NOBODY_LISTENS, login: login(), captiveApi: `${api.url}/api` })
    expect(server.requests).toHaveLength(1)
  })

  test('a refusal has a code of its own, and shows no password', async () => {
    const gateway = new Gateway()
    const { probePort } = await startPage(gateway, () => replied('100', { ReplyMessage: 'no credit' }))
    const failure: unknown = await pass({ gateway, probePort, login: login() }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ERR_WIFI_LOGIN_REFUSED', message: expect.stringContaining('no credit') })
    expect(String(failure)).not.toContain('geheim')
  })

  test('a page that accepts and does not open is not passed', async () => {
    const gateway = new Gateway()
    const { probePort } = await startPage(gateway, () => '<html>welcome</html>')
    await expect(pass({ gateway, probePort, login: login() })).rejects.toMatchObject({
      code: 'ERR_WIFI_LOGIN_PAGE',
      message: expect.stringContaining('not reachable all the same'),
    })
  })

  test('without a login in the profile it says so', async () => {
    const { server, probePort } = await startPage(new Gateway(), () => replied('50'))
    await expect(pass({ gateway: new Gateway(), probePort })).rejects.toMatchObject({
      code: 'ERR_WIFI_LOGIN_PAGE',
      message: expect.stringContaining('has no login'),
    })
    expect(server.requests).toEqual([])
  })

  test.each<[string, Partial<PageLogin>]>([
    ['a server of another name', { serverName: 'login.example' }],
    ['a server whose name only ends alike', { serverName: 'ocalhost' }],
    ['a certificate by another CA than the pinned one', { caPem: 'another' }],
    ['a certificate by none of the public CAs', { caPem: null }],
  ])('the password is not sent to %s', async (_, changes) => {
    const other = TestAuthority.root('somebody else')
    const { server, probePort } = await startPage(new Gateway(), () => replied('50'))
    const own = login(changes.caPem === 'another' ? { caPem: other.certificatePem } : changes)
    await expect(pass({ gateway: new Gateway(), probePort, login: own })).rejects.toMatchObject({ code: 'ERR_WIFI_LOGIN_PAGE' })
    expect(server.requests.join()).not.toContain('geheim')
    other.remove()
  })

  test('the password goes unencrypted only where the profile says so', async () => {
    const gateway = new Gateway()
    const bodies: string[] = []
    const port = await startHttp(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      bodies.push(body)
      gateway.isOpen = request.method === 'POST'
      response.end(request.method === 'POST' ? replied('50') : redirectTo(`http://localhost:${port}/login`))
    })
    await expect(pass({ gateway, probePort: port, login: login() })).rejects.toMatchObject({
      message: expect.stringContaining('is not encrypted: nothing was sent'),
    })
    expect(bodies.join()).not.toContain('geheim')
    await pass({ gateway, probePort: port, login: login({ allowUnencrypted: true }) })
    expect(bodies.join()).toContain(CREDENTIALS)
  })

  test('ends with the reason of its signal, wherever it is', async () => {
    for (const delayMs of [0, 100, 300]) {
      const reason = new Error('the state was left')
      const leaving = new AbortController()
      const silent = await startHttp(() => {})
      const passing = pass({ gateway: new Gateway(), probePort: silent, login: login() }, leaving.signal)
      setTimeout(() => leaving.abort(reason), delayMs)
      await expect(passing).rejects.toBe(reason)
    }
  })
})
