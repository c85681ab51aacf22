/** Reads a tar archive (POSIX ustar, with GNU's long names), as far as tar(1) writes them for plain files. */

/** A plain file of it, and where its content begins in the archive. */
export type TarFile = { readonly path: string; readonly content: Buffer; readonly offset: number }

const BLOCK = 512

const textOf = (bytes: Buffer): string => bytes.toString('utf8').replace(/\0[\s\S]*$/, '')

/** Sizes are octal text, or binary where the first bit says so. */
const sizeOf = (field: Buffer): number => ((field[0] ?? 0) & 0x80 ? field.readUIntBE(6, 6) : Number.parseInt(textOf(field), 8) || 0)

/** Gives its plain files. */
export function readTar(archive: Buffer): readonly TarFile[] {
  const files: TarFile[] = []
  let longName: string | null = null
  for (let header = 0; header + BLOCK <= archive.length && archive[header] !== 0; ) {
    const block = archive.subarray(header, header + BLOCK)
    const offset = header + BLOCK
    const size = sizeOf(block.subarray(124, 136))
    const content = archive.subarray(offset, offset + size)
    const type = String.fromCharCode(block[156] ?? 0)
    if (type === 'L') longName = textOf(content)
    else {
      if (type === '0' || type === '\0') files.push({ path: longName ?? textOf(block.subarray(0, 100)), content, offset })
      longName = null
    }
    header = offset + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}
