import { randomInt } from 'node:crypto'

/** A session or handle id: 1 … 2^53−1, not to be guessed, exact in every JSON parser. */
export function randomId(): number {
  // Node.js draws these from a pool; bytes of their own would be a job for OpenSSL each time.
  return randomInt(2 ** 21) * 2 ** 32 + randomInt(2 ** 32) || randomId()
}
