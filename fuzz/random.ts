import { mulberry32 } from '../src/media/chance/mulberry32.js'

/** @returns a source of integers below its argument, the same for the same seed */
export function randomFrom(seed: number): (below: number) => number {
  const random = mulberry32(seed)
  return (below) => random() % below
}
