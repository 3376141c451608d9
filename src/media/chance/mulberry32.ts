/** Chance for simulations and tests: small, and the same everywhere for the same seed. Never for anything that must not be guessed. */

/** @returns a source of uniform uint32 (Tommy Ettinger's mulberry32) */
export function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** @returns a source of numbers 0 ≤ x < 1 */
export function seededRandom(seed: number): () => number {
  const random = mulberry32(seed)
  return () => random() / 2 ** 32
}
