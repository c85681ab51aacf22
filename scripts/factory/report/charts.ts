/** Pictures of a report: SVG that stands in the page, with its numbers as text. */

/** Text as HTML and SVG take it. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A bar: what it stands for, how long it is, and what is written at its end. */
export type Bar = { readonly label: string; readonly value: number; readonly text: string }

const WIDTH = 760
const LABEL_WIDTH = 300
const BAR_HEIGHT = 22
const END_WIDTH = 130
const LABEL_CHARACTERS = 48

const shortened = (text: string): string => (text.length <= LABEL_CHARACTERS ? text : `${text.slice(0, LABEL_CHARACTERS - 1)}…`)

/** Bars below each other, the longest as long as there is room; `most` is what that length stands for. */
export function barChart(title: string, bars: readonly Bar[], most = Math.max(1, ...bars.map(({ value }) => value))): string {
  const height = bars.length * BAR_HEIGHT
  const rows = bars.map(({ label, value, text }, index) => {
    const y = index * BAR_HEIGHT
    const width = ((WIDTH - LABEL_WIDTH - END_WIDTH) * value) / most
    return (
      `<text x="${LABEL_WIDTH - 8}" y="${y + 15}" text-anchor="end">${escaped(shortened(label))}<title>${escaped(label)}</title></text>` +
      `<rect x="${LABEL_WIDTH}" y="${y + 3}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 6}"/>` +
      `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 15}">${escaped(text)}</text>`
    )
  })
  return `<svg role="img" aria-label="${escaped(title)}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">${rows.join('')}</svg>`
}

const COLUMNS = 24

/** How often values fall into each of equal parts of their range. */
export function histogram(title: string, values: readonly number[], format: (value: number) => string): string {
  const [least, most] = rangeOf(values)
  const step = (most - least) / COLUMNS || 1
  const counts = new Array<number>(COLUMNS).fill(0)
  for (const value of values) {
    const column = Math.min(COLUMNS - 1, Math.floor((value - least) / step))
    counts[column] = (counts[column] ?? 0) + 1
  }
  const [width, height] = [WIDTH / COLUMNS, 120]
  const highest = rangeOf(counts)[1]
  const columns = counts.map((count, index) => {
    const tall = (height * count) / (highest || 1)
    const from = format(least + index * step)
    return `<rect x="${(index * width).toFixed(1)}" y="${(height - tall).toFixed(1)}" width="${(width - 2).toFixed(1)}" height="${tall.toFixed(1)}"><title>${escaped(`${count} from ${from}`)}</title></rect>`
  })
  const below = `<text x="0" y="${height + 16}">${escaped(format(least))}</text><text x="${WIDTH}" y="${height + 16}" text-anchor="end">${escaped(format(most))}</text>`
  return `<svg role="img" aria-label="${escaped(title)}" viewBox="0 0 ${WIDTH} ${height + 20}" width="${WIDTH}" height="${height + 20}">${columns.join('')}${below}</svg>`
}

/** The least and the largest; of a hundred thousand values, too. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  let [least, most] = [values[0] ?? 0, values[0] ?? 0]
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)]
  return [least, most]
}
