import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runProgram } from '../run-program.ts'
import { filesBelow } from './content-key.ts'
import { checkoutFolder } from './lab-folder.ts'
import type { LabSecrets } from './lab-secrets.ts'
import type { LabPki } from './pki.ts'

const freeradius = 'cloud/freeradius'
const shippedConfiguration = ['radiusd.conf', 'cloud.conf']
const filledIn = ['freeradius/site.conf', 'good.conf', 'second.conf', 'plain.conf', 'passpoint.conf', 'portal-password']

/** Where `scripts/install` puts the agent's program on a device. The lab has it on a disk of its own. */
export const programFolder = 'usr/lib/zipkey'

/** The project's own files that go into the root image. */
export function projectFiles(): string[] {
  const folders = ['systemd', 'config/examples'].flatMap((name) => filesBelow(join(checkoutFolder(), name)))
  const single = ['scripts/install', 'config/schema.json', ...shippedConfiguration.map((name) => `${freeradius}/${name}`)]
  return [...folders, ...single.map((name) => join(checkoutFolder(), name))]
}

/** The agent as built: it changes more often than anything else, and so goes to a disk of its own. */
export function programFiles(): string[] {
  const dist = join(checkoutFolder(), 'dist')
  if (!existsSync(join(dist, 'zipkey-agent.cjs'))) throw new Error('the agent is not built: run "npm run build"')
  return filesBelow(dist).filter((file) => !/\/zipkey-(cloud|factory)[^/]*$/.test(file))
}

/** Puts agent, unit, D-Bus policy and users into a root tree, by the command that puts them on a device. */
export async function installProject(tree: string): Promise<void> {
  await runProgram(join(checkoutFolder(), 'scripts/install'), ['--root', tree, '--enable'])
}

/** Sets up the hotspot's AAA server the way its operator does: the shipped configuration, a site.conf filled in, a certificate. */
export function installHotspot(tree: string, pki: LabPki, secrets: LabSecrets): void {
  const hotspot = join(tree, 'etc/hotspot')
  for (const name of shippedConfiguration) copyFileSync(join(checkoutFolder(), freeradius, name), join(hotspot, 'freeradius', name))
  mkdirSync(join(hotspot, 'pki'))
  const servers = [pki.aaa, pki.otherName, pki.evilAaa, pki.portal].flatMap(({ certificateFile, keyFile }) => [certificateFile, keyFile])
  const authorities = [pki.aaaCaFile, pki.evilCaFile, pki.cloudCaFile, pki.deviceCa.certificateFile]
  for (const file of [...authorities, ...servers]) copyFileSync(file, join(hotspot, 'pki', basename(file)))
  copyFileSync(pki.aaa.certificateFile, join(hotspot, 'aaa.pem'))
  copyFileSync(pki.aaa.keyFile, join(hotspot, 'aaa.key'))
  const values: Record<string, string> = {
    radius_secret: secrets.radiusSecret,
    passphrase: secrets.passphrase,
    aaa_client_id: secrets.aaaClient.id,
    aaa_client_secret: secrets.aaaClient.secret,
  }
  for (const name of filledIn) {
    const file = join(hotspot, name)
    const text = readFileSync(file, 'utf8').replace(/@(\w+)@/g, (_, key: string) => values[key] ?? unknownValue(file, key))
    writeFileSync(file, text)
    chmodSync(file, 0o600)
  }
}

function unknownValue(file: string, key: string): never {
  throw new Error(`${file} asks for @${key}@, which the lab does not know`)
}
