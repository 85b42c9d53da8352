/**
 * "Did you mean …": the known word nearest to one that is not known.
 *
 * @module
 */

/** Above this share of wrong letters a guess would puzzle more than it helps; found by trying real typos. */
const MAX_WRONG_SHARE = 0.4

/** The candidate with the fewest edits from `word`, upper and lower case being equal; undefined when none is near. */
export function findNearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestEdits = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const edits = countEdits(word.toLowerCase(), candidate.toLowerCase())
    if (edits < bestEdits && edits <= Math.max(word.length, candidate.length) * MAX_WRONG_SHARE) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** `, did you mean X?`, or nothing: to be put behind a message. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const nearest = findNearest(word, candidates)
  return nearest === undefined ? '' : `, did you mean ${nearest}?`
}

/** Optimal string alignment distance: insert, delete, replace, swap neighbours, each one edit. */
function countEdits(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row.push(
        Math.min(
          at(last, j) + 1,
          at(row, j - 1) + 1,
          replaced,
          swapped ? at(beforeLast, j - 2) + 1 : replaced,
        ),
      )
    }
    beforeLast = last
    last = row
  }
  return at(last, to.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
