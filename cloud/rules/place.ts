/**
 * The place of an issued credential in the line that its device really walked, as far as a cloud can tell that was restored
 * (recovery.ts). The number in a secret id is its place, so that an id tells it where the database does not know it.
 */

/**
 * `rank` is the credential's own generation; for what was issued since a restore it is the rank of what it was issued to, so that it comes
 * before whatever its device may have been issued in the lost time.
 */
export type Place = { readonly rank: number; readonly generation: number }

/** Before anything was issued. */
export const FIRST_PLACE: Place = { rank: 0, generation: 0 }

/** Whether one place comes after another. */
export const isBeyond = (one: Place, other: Place): boolean =>
  one.rank > other.rank || (one.rank === other.rank && one.generation > other.generation)

// Ten digits hold a rank and a generation of up to five each. A generation alone, as long as nothing was restored, stands for itself.
const SPAN = 100_000

/** The number of a place. */
export const placeNumber = ({ rank, generation }: Place): number =>
  rank === generation ? generation : (rank + 1) * SPAN + (generation % SPAN)

/** The place with a number. */
export const placeOfNumber = (number: number): Place =>
  number < SPAN ? { rank: number, generation: number } : { rank: Math.floor(number / SPAN) - 1, generation: number % SPAN }
