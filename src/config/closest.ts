/** Which known name a misspelt one may have meant. */

/** Insertions, deletions and substitutions that make `a` into `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + Number(a[i - 1] !== b[j - 1])
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

/** Longer ones are nobody's typo. */
const LONGEST = 64

/** @returns undefined when none is near: more than a third of the letters would have to change */
export function closest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST) return undefined
  let best: string | undefined
  let bestDistance = Math.floor(name.length / 3) + 1
  for (const candidate of known) {
    const changes = distance(name, candidate)
    if (changes < bestDistance) [best, bestDistance] = [candidate, changes]
  }
  return best
}
