import { randomBytes } from 'node:crypto'

/** A session or handle id: 1 … 2^53−1, not to be guessed, exact in every JSON parser. */
export function randomId(): number {
  const bytes = randomBytes(7)
  const high = bytes.readUIntBE(0, 3) & 0x1f_ffff
  return high * 2 ** 32 + bytes.readUInt32BE(3) || randomId()
}
