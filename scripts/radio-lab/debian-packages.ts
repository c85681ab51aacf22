import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../run-program.ts'

/** Name and version of one Debian package. */
export type DebianPackage = { name: string; version: string }

/** The version of a package that apt would install now. */
export async function candidate(name: string): Promise<DebianPackage> {
  const policy = await runProgram('apt-cache', ['policy', name])
  const version = /Candidate: (\S+)/.exec(policy)?.[1]
  if (version === undefined || version === '(none)') {
    throw new Error(`apt knows no package ${name}: run "apt-get update" (scripts/install-deps radio does)`)
  }
  return { name, version }
}

/** The package that holds the kernel which Debian recommends for this machine's release. */
export async function recommendedKernel(): Promise<DebianPackage> {
  const depends = await runProgram('apt-cache', ['depends', 'linux-image-amd64'])
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1]
  if (name === undefined) throw new Error('apt does not say which kernel linux-image-amd64 stands for: run "apt-get update"')
  return candidate(name)
}

/** Downloads a package's file without installing it, and gives its path. */
export async function downloadPackage(wanted: DebianPackage, folder: string): Promise<string> {
  const download = ['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', `${wanted.name}=${wanted.version}`]
  await runProgram('env', [`--chdir=${folder}`, ...download])
  const file = readdirSync(folder).find((name) => name.startsWith(`${wanted.name}_`) && name.endsWith('.deb'))
  if (file === undefined) throw new Error(`apt-get download left no file of ${wanted.name}`)
  return join(folder, file)
}

/** The named packages and everything they depend on, as far as it is installed here. */
export async function installedClosure(names: readonly string[]): Promise<DebianPackage[]> {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((relation) => `--no-${relation}`)
  const depends = await runProgram('apt-cache', ['depends', '--recurse', '--installed', ...without, ...names])
  const mentioned = new Set(depends.split('\n').filter((line) => /^[a-z0-9]/.test(line)))
  const installed = await installedPackages()
  const missing = names.filter((name) => !installed.has(name))
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(' ')} (scripts/install-deps radio installs them)`)
  return [...mentioned].flatMap((name) => {
    const version = installed.get(name)
    return version === undefined ? [] : [{ name, version }]
  })
}

async function installedPackages(): Promise<Map<string, string>> {
  const fields = ['db:Status-Abbrev', 'Package', 'Version'].map((name) => `\${${name}}`)
  const query = await runProgram('dpkg-query', ['-W', '-f', `${fields.join('|')}\n`])
  const rows = query.split('\n').map((line) => line.split('|'))
  return new Map(rows.flatMap(([status, name, version]) => (status === 'ii ' && name && version ? [[name, version]] : [])))
}

/** Every path that the installed packages brought, folders included. */
export async function pathsOf(packages: readonly DebianPackage[]): Promise<string[]> {
  const list = await runProgram('dpkg', ['-L', ...packages.map((each) => each.name)])
  return [...new Set(list.split('\n').filter((line) => line.startsWith('/')))].sort()
}
