/** The dark and light modules of a QR code (ISO/IEC 18004), level M. */
import QRCode from 'qrcode'

/** Modules by row and column; anything but 0 is dark. */
export type Matrix = { readonly size: number; readonly data: ArrayLike<number> }

/** The light margin that a reader needs around the code, in modules. */
export const QUIET_MODULES = 4

/** The code of a text; null where it is empty or too long for one. */
export function matrixOf(text: string): Matrix | null {
  try {
    const { size, data } = QRCode.create(text, { errorCorrectionLevel: 'M' }).modules
    return { size, data }
  } catch {
    return null
  }
}

/** Its dark runs, row by row: where each starts and ends. */
export function* darkRuns({ size, data }: Matrix): Iterable<{ readonly row: number; readonly from: number; readonly to: number }> {
  for (let row = 0; row < size; row += 1) {
    let from = 0
    while (from < size) {
      let to = from
      while (to < size && data[row * size + to] !== 0) to += 1
      if (to > from) yield { row, from, to }
      from = to + 1
    }
  }
}
