/** How problems are worded. */

/** `"a"`, or `one of "a", "b"`. */
export const listed = (words: readonly string[]): string =>
  `${words.length === 1 ? '' : 'one of '}${words.map((word) => `"${word}"`).join(', ')}`

/** What to say about a key that nobody knows: the nearest known one, or all of them. */
export function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  return near === null ? `unknown key: remove it; known here: ${known.join(', ')}` : `unknown key: did you mean "${near}"?`
}

/** The known word that a mistyped one most likely stands for, or null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_]/g, '')
  const ranked = known.map((each) => ({ each, distance: editDistance(plain(word), plain(each)) })).sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.each.length / 3)) ? best.each : null
}

/** Levenshtein distance, by rows. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1]
    for (const [column, other] of [...b].entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
