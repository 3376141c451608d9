/**
 * The picture size in a sequence parameter set (H.264 §7.3.2.1.1), as far as it has to be read for that.
 *
 * ```
 * | profile_idc 8 | constraints 8 | level_idc 8 | sps id ue |
 *     profiles with tools for more than 4:2:0 in 8 bits:
 *     | chroma ue | (3: separate planes 1) | luma depth ue | chroma depth ue | bypass 1 | matrices? 1 | … scaling lists |
 * | frame num ue | order type ue | (0: lsb ue) (1: 1, se, se, count ue, count × se) | reference frames ue | gaps 1 |
 * | width − 1 in macroblocks ue | height − 1 ue | frames only 1 | (0: adaptive 1) | 1 | cropped? 1 | left, right, top, bottom ue |
 * ```
 *
 * `ue` and `se` are Exp-Golomb codes (§9.1). After two zero bytes a 3 is put in, which is no data (§7.4.1).
 */
import { readU16 } from '../big-endian.js'
import { NalType } from './h264.js'

const MACROBLOCK = 16
/** Level 6.2 has no larger picture side (A.3.1: √(8 · MaxFS)). */
const MAX_SIDE = 16_888
/** Longer ones have scaling lists or usability information that nobody needs, or lie. */
const MAX_SPS_BYTES = 256
/** Profiles that say more about samples (§7.3.2.1.1). */
const extended: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

// One set is read at a time; reading past its end gives zeros and is noticed afterwards.
let source: Uint8Array = new Uint8Array(0)
let at = 0
let end = 0
let zeros = 0
let byte = 0
let bitsLeft = 0

function takeBit(): number {
  if (bitsLeft === 0) {
    if (zeros >= 2 && at < end && source[at] === 3) {
      at++
      zeros = 0
    }
    byte = at < end ? source[at]! : 0
    at++
    zeros = byte === 0 ? zeros + 1 : 0
    bitsLeft = 8
  }
  return (byte >> --bitsLeft) & 1
}

function take(bits: number): number {
  let value = 0
  for (let i = 0; i < bits; i++) value = value * 2 + takeBit()
  return value
}

/** `ue`: so many zeros, a one, and as many bits as zeros. */
function takeUnsigned(): number {
  let width = 0
  while (takeBit() === 0) if (++width > 31) return fail()
  return 2 ** width - 1 + take(width)
}

/** `se`: 0, 1, −1, 2, −2, … */
function takeSigned(): number {
  const code = takeUnsigned()
  return code % 2 === 0 ? -code / 2 : (code + 1) / 2
}

/** Nothing that follows counts. */
function fail(): number {
  at = end + 1
  bitsLeft = 0
  return 0
}

/**
 * Reads the size of the pictures that follow out of a payload that begins with a parameter set (RFC 6184): a single unit, or
 * the first one in an STAP-A.
 * @param size is left alone when there is no parameter set, or none that is sound
 */
export function readH264Size(
  bytes: Uint8Array,
  offset: number,
  length: number,
  size: { width: number; height: number },
): boolean {
  if (length < 2) return false
  if ((bytes[offset]! & 0x1f) === NalType.sps) return readSps(bytes, offset + 1, length - 1, size)
  if ((bytes[offset]! & 0x1f) !== NalType.stapA) return false
  const limit = offset + length
  for (let unit = offset + 1; unit + 3 <= limit; ) {
    const unitLength = readU16(bytes, unit)
    unit += 2
    if (unitLength === 0 || unit + unitLength > limit) return false
    if ((bytes[unit]! & 0x1f) === NalType.sps) return readSps(bytes, unit + 1, unitLength - 1, size)
    unit += unitLength
  }
  return false
}

function readSps(bytes: Uint8Array, offset: number, length: number, size: { width: number; height: number }): boolean {
  if (length > MAX_SPS_BYTES) return false
  source = bytes
  at = offset
  end = offset + length
  zeros = bitsLeft = 0
  const profile = take(8)
  take(16)
  takeUnsigned()
  const chroma = extended.has(profile) ? takeSamples() : 1
  takeOrder()
  takeUnsigned()
  take(1)
  const columns = takeUnsigned() + 1
  const rows = takeUnsigned() + 1
  const fields = 2 - take(1)
  if (fields === 2) take(1)
  take(1)
  const cropUnitX = chroma === 1 || chroma === 2 ? 2 : 1
  const cropUnitY = (chroma === 1 ? 2 : 1) * fields
  const isCropped = take(1) === 1
  const width = columns * MACROBLOCK - (isCropped ? (takeUnsigned() + takeUnsigned()) * cropUnitX : 0)
  const height = rows * MACROBLOCK * fields - (isCropped ? (takeUnsigned() + takeUnsigned()) * cropUnitY : 0)
  if (at > end || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) return false
  size.width = width
  size.height = height
  return true
}

/** @returns ChromaArrayType: 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4, 0 = no chroma, or planes of their own */
function takeSamples(): number {
  const format = takeUnsigned()
  const isApart = format === 3 && take(1) === 1
  takeUnsigned()
  takeUnsigned()
  take(1)
  if (take(1) === 1) for (let i = 0; i < (format === 3 ? 12 : 8) && at <= end; i++) skipScalingList(i < 6 ? 16 : 64)
  return isApart ? 0 : format
}

/** §7.3.2.1.1.1: once a scale becomes 0 the rest repeats the last one. */
function skipScalingList(count: number): void {
  if (take(1) === 0) return
  for (let scale = 8, i = 0; i < count && scale !== 0 && at <= end; i++) scale = (scale + takeSigned() + 256) % 256
}

/** Numbers of frames, and in which order pictures are shown. */
function takeOrder(): void {
  takeUnsigned()
  const type = takeUnsigned()
  if (type === 0) takeUnsigned()
  if (type !== 1) return
  take(1)
  takeSigned()
  takeSigned()
  for (let left = Math.min(255, takeUnsigned()); left > 0 && at <= end; left--) takeSigned()
}
