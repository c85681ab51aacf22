/** Where a config goes: a directory, a file system in an image or on a block device, or a device that a shell answers on. */

/** Who may do what with a file; FAT has no such thing. */
export type FileAccess = { readonly mode: number; readonly uid: number | null; readonly gid: number | null }

/** A place that files are read from and written to, by paths that start at its root. */
export type Target = {
  /** The whole content, or null where there is no such file. */
  readonly read: (path: string) => Promise<Uint8Array | null>
  /** Writes durably, making folders that are missing; what stood there before is replaced. */
  readonly write: (path: string, bytes: Uint8Array, access: FileAccess) => Promise<void>
  readonly close: () => Promise<void>
}

/** A target that cannot be used, or failed; the message names it and is fit for a person. */
export class TargetError extends Error {}
