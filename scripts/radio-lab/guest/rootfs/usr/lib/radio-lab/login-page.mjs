// The login page of a hotspot. In the clear, on port 8080, it stands in place of whatever was asked for; by HTTPS it has a page for
// people, the captive-portal API (RFC 8908) and a login for programs (WISPr 1.0) with the user "guest".
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'

const here = 'https://portal.zipkey.test'
const password = readFileSync('/etc/hotspot/portal-password', 'utf8').trim()
const admitted = new Set()

const wispr = (name, leaves) => {
  const text = Object.entries(leaves).map(([key, value]) => `<${key}>${value}</${key}>`)
  return `<html><!-- <WISPAccessGatewayParam><${name}>${text.join('')}</${name}></WISPAccessGatewayParam> --></html>`
}
const redirect = wispr('Redirect', {
  AccessProcedure: '1.0',
  AccessLocation: 'lab',
  LocationName: 'Radio lab',
  LoginURL: `${here}/wispr?from=lab&amp;then=cloud`,
  MessageType: 100,
  ResponseCode: 0,
})
const reply = (code) =>
  wispr('AuthenticationReply', { MessageType: 120, ResponseCode: code, ReplyMessage: code === 50 ? 'welcome' : 'who?' })

function admit(address) {
  execFileSync('nft', ['add', 'element', 'ip', 'garden', 'admitted', `{ ${address} }`])
  admitted.add(address)
}

async function bodyOf(request) {
  let body = ''
  for await (const chunk of request) body += chunk
  return new URLSearchParams(body)
}

createServer((_, response) => response.writeHead(302, { location: `${here}/page` }).end(redirect)).listen(8080)

const tls = { cert: readFileSync('/etc/hotspot/pki/portal.pem'), key: readFileSync('/etc/hotspot/pki/portal.key') }
const secure = createSecureServer(tls, async (request, response) => {
  const address = request.socket.remoteAddress.replace('::ffff:', '')
  const { pathname } = new URL(request.url, here)
  if (pathname === '/api') {
    response.writeHead(200, { 'content-type': 'application/captive+json' })
    return response.end(JSON.stringify({ captive: !admitted.has(address), 'user-portal-url': `${here}/page` }))
  }
  if (pathname !== '/wispr') return response.end(redirect.replace('</html>', '<form>terms and conditions</form></html>'))
  const form = await bodyOf(request)
  const isGuest = form.get('UserName') === 'guest' && form.get('Password') === password
  if (isGuest) admit(address)
  response.end(reply(isGuest ? 50 : 100))
})
secure.listen(443, () => spawnSync('systemd-notify', ['--ready']))
