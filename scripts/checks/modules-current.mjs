/** Exits 0 when node_modules holds what package-lock.json asks for. Plain JavaScript: it runs before anything is installed. */
import { readFileSync } from 'node:fs'
import process from 'node:process'

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages

/** Packages of another platform are optional and stay away. */
const isCurrent = () => {
  const installed = packagesOf('node_modules/.package-lock.json')
  return Object.entries(packagesOf('package-lock.json')).every(
    ([path, { version, optional }]) => path === '' || (optional ?? false) || installed[path]?.version === version,
  )
}

try {
  process.exitCode = isCurrent() ? 0 : 1
} catch {
  process.exitCode = 1
}
