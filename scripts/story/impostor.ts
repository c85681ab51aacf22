/** Somebody who knows the provisioning key, and so the device's temporary secret, and shows it again. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { deriveApiKey, deriveHotspotPassword, deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import { type CredentialId, formatInnerIdentity, formatOuterIdentity } from '../../agent/contract/names.ts'
import { parseProblem } from '../../agent/contract/problems.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../agent/contract/routes.ts'
import { parseSecretText } from '../../agent/contract/secret-text.ts'
import { signAssertion } from '../../agent/contract/token.ts'
import type { LabCloud } from './lab-cloud.ts'
import { CLOUD_HOST, DEVICE, KEY_ID, REALM } from './names.ts'
import type { Inside } from './programs.ts'

const CREDENTIAL: CredentialId = { kind: 'temporary', keyId: KEY_ID }

async function temporarySecret(cloud: LabCloud): Promise<Uint8Array> {
  const key = parseSecretText('zkp_', await readFile(cloud.provisioningKeyFile, 'utf8'))
  if (!key.ok) throw new Error(key.problem)
  return deriveTemporarySecret(key.value, DEVICE)
}

/** The network block with which `eapol_test` shows the temporary secret to the AAA server. */
export async function impostorNetwork(cloud: LabCloud): Promise<string> {
  const password = deriveHotspotPassword(await temporarySecret(cloud), DEVICE, REALM)
  const lines = [
    'key_mgmt=WPA-EAP',
    'eap=TTLS',
    'phase2="auth=PAP"',
    `anonymous_identity="${formatOuterIdentity(DEVICE.account, REALM)}"`,
    `identity="${formatInnerIdentity({ ...DEVICE, credentialId: CREDENTIAL, realm: REALM })}"`,
    `password="${password}"`,
  ]
  return `network={\n${lines.join('\n')}\n}\n`
}

/** Asks the Cloud API for a token with the temporary secret; the problem's type, or `accepted`. curl gets the assertion by stdin. */
export async function temporaryAtCloud(cloud: LabCloud, inside: Inside): Promise<string> {
  const claims = {
    name: DEVICE,
    credentialId: CREDENTIAL,
    issuer: `https://${CLOUD_HOST}`,
    nowMs: Date.now(),
    jti: randomUUID(),
    challenge: null,
    run: null,
  }
  const assertion = await signAssertion(claims, { kind: 'secret', apiKey: deriveApiKey(await temporarySecret(cloud), DEVICE) })
  const form = { grant_type: 'client_credentials', client_assertion_type: JWT_BEARER_ASSERTION, client_assertion: assertion }
  const url = `https://${CLOUD_HOST}:${cloud.port}${ROUTES.token}`
  const to = ['--cacert', cloud.caFile, '--resolve', `${CLOUD_HOST}:${cloud.port}:127.0.0.1`]
  const body = await feed([...inside, 'curl', '--silent', '--show-error', ...to, '--data', '@-', url], new URLSearchParams(form).toString())
  const problem = parseProblem(JSON.parse(body))
  return problem.ok ? problem.value.type : 'accepted'
}

function feed([program = '', ...parameters]: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}`))))
    child.stdin.end(input)
  })
}
