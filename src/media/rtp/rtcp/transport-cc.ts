/**
 * Transport-wide congestion-control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 *
 * ```
 * | feedback header, PT=205 FMT=15, both SSRCs                    |
 * |     base sequence number      |      packet status count      |
 * | reference time, signed 24 bits, units of 64 ms | fb pkt count |
 * |          packet chunk         |         packet chunk          |  until the status count is reached
 * |  recv delta, 8 or 16 bits, units of 250 µs …   | zero padding |  one per received packet
 *
 * run length chunk   |0| S |      run length, 13 bits         |
 * status vector      |1|0|  14 symbols of 1 bit (0, 1)        |
 *                    |1|1|  7 symbols of 2 bits (0, 1, 2)     |
 * symbols: 0 not received, 1 small delta (8 bits, 0…255), 2 large delta (16 bits, signed), 3 reserved
 * ```
 */
import { readU16, readU24, requireRoom, writeU16, writeU24 } from '../big-endian.js'
import { type RtcpCursor, RtcpType, TransportFeedback } from './cursor.js'
import { FEEDBACK_BYTES, FEEDBACK_SSRC_BYTES, isFeedback, writeFeedback } from './feedback.js'

/** In an array of arrivals: the packet did not arrive. No sum of deltas reaches it. */
export const NOT_RECEIVED = -0x80000000
/** Length of one unit of an arrival. */
export const ARRIVAL_UNIT_US = 250
/** Arrivals count from `referenceTime`, which itself counts units of this many arrival units (64 ms). */
export const ARRIVALS_PER_REFERENCE = 256

const MAX_RUN = 0x1fff
const Status = { lost: 0, small: 1, large: 2 } as const

export interface ArrivalFeedback {
  /** Transport-wide number of the first status, 16 bits. */
  baseSeq: number
  /** How many statuses follow: entries of the arrivals array. */
  statusCount: number
  /** Units of 64 ms, −2^23…2^23−1, of an arbitrary epoch. */
  referenceTime: number
  /** 8 bits, one more for each feedback packet of the sender. */
  feedbackCount: number
}

export function newArrivalFeedback(): ArrivalFeedback {
  return { baseSeq: 0, statusCount: 0, referenceTime: 0, feedbackCount: 0 }
}

/**
 * Reads the feedback under the cursor. `arrivals[i]` becomes the arrival time of packet `baseSeq + i` in
 * units of 250 µs after `referenceTime`, or `NOT_RECEIVED`.
 * @param arrivals its length is the most statuses taken
 * @returns false when the packet is no such feedback, is empty, claims more than `arrivals` holds, or lacks
 *   chunks or deltas that it claims
 */
export function readArrivalFeedback(c: RtcpCursor, feedback: ArrivalFeedback, arrivals: Int32Array): boolean {
  if (!isFeedback(c, RtcpType.rtpfb, TransportFeedback.transportCc)) return false
  if (c.bodyLength < FEEDBACK_SSRC_BYTES + 8) return false
  const at = c.bodyOffset + FEEDBACK_SSRC_BYTES
  const statusCount = readU16(c.bytes, at + 2)
  if (statusCount === 0 || statusCount > arrivals.length) return false
  feedback.baseSeq = readU16(c.bytes, at)
  feedback.statusCount = statusCount
  feedback.referenceTime = (readU24(c.bytes, at + 4) << 8) >> 8
  feedback.feedbackCount = c.bytes[at + 7]!
  const end = c.bodyOffset + c.bodyLength
  const deltas = readSymbols(c.bytes, at + 8, end, arrivals, statusCount)
  return deltas > 0 && readDeltas(c.bytes, deltas, end, arrivals, statusCount)
}

/** Fills `symbols[0 … count)` from the chunks at `at`. @returns where they end, or −1 when they are too few or reserved */
function readSymbols(bytes: Uint8Array, at: number, end: number, symbols: Int32Array, count: number): number {
  let i = 0
  let next = at
  while (i < count) {
    if (next + 2 > end) return -1
    const chunk = readU16(bytes, next)
    next += 2
    if (chunk < 0x8000) {
      const symbol = chunk >> 13
      if (symbol > Status.large) return -1
      const stop = Math.min(count, i + (chunk & MAX_RUN))
      symbols.fill(symbol, i, stop)
      i = stop
    } else if ((chunk & 0x4000) === 0) {
      for (let bit = 13; bit >= 0 && i < count; bit--) symbols[i++] = (chunk >> bit) & 1
    } else {
      for (let bit = 12; bit >= 0 && i < count; bit -= 2) {
        const symbol = (chunk >> bit) & 3
        if (symbol > Status.large) return -1
        symbols[i++] = symbol
      }
    }
  }
  return next
}

/** Turns symbols into arrivals. @returns false when deltas are missing */
function readDeltas(bytes: Uint8Array, at: number, end: number, arrivals: Int32Array, count: number): boolean {
  let next = at
  let time = 0
  for (let i = 0; i < count; i++) {
    const symbol = arrivals[i]!
    if (next + symbol > end) return false
    if (symbol === Status.small) time += bytes[next]!
    else if (symbol === Status.large) time += (readU16(bytes, next) << 16) >> 16
    next += symbol
    arrivals[i] = symbol === Status.lost ? NOT_RECEIVED : time
  }
  return true
}

/**
 * Writes feedback for as many of `arrivals[0 … count)` as fit and whose deltas can be said, and sets
 * `feedback.statusCount` to how many those are: the next packet begins there, with a later `referenceTime`.
 * @param feedback `baseSeq`, `referenceTime` and `feedbackCount` are taken from it
 * @param arrivals units of 250 µs after `referenceTime`, or `NOT_RECEIVED`
 * @param maxLength the packet never becomes longer than this; at least 24
 * @returns its length in bytes, or 0 (and `statusCount` 0) when not even the first status can be said
 */
export function writeArrivalFeedback(
  bytes: Uint8Array,
  offset: number,
  senderSsrc: number,
  mediaSsrc: number,
  feedback: ArrivalFeedback,
  arrivals: Int32Array,
  count: number,
  maxLength: number = bytes.length - offset,
): number {
  const symbolCount = classify(arrivals, Math.min(count, symbols.length))
  const room = maxLength - (maxLength % 4)
  requireRoom(bytes, offset, room)
  let chunksEnd = FEEDBACK_BYTES + 8
  let deltaBytes = 0
  let done = 0
  for (let end = symbolCount; done < end; ) {
    let { chunk, covered } = nextChunk(done, end)
    const available = room - chunksEnd - 2 - deltaBytes
    if (cost(done, covered) > available) {
      // The last chunk: after a vector cut short nothing may follow, so no other is tried.
      end = done + Math.max(0, available >> 1)
      if (end === done) break
      ;({ chunk, covered } = nextChunk(done, end))
      end = done + covered
    }
    writeU16(bytes, offset + chunksEnd, chunk)
    chunksEnd += 2
    deltaBytes += cost(done, covered)
    done += covered
  }
  feedback.statusCount = done
  if (done === 0) return 0
  const used = chunksEnd + deltaBytes
  const length = Math.ceil(used / 4) * 4
  writeDeltas(bytes, offset + chunksEnd, arrivals, done)
  bytes.fill(0, offset + used, offset + length)
  writeFeedback(bytes, offset, RtcpType.rtpfb, TransportFeedback.transportCc, length, senderSsrc, mediaSsrc)
  writeU16(bytes, offset + 12, feedback.baseSeq)
  writeU16(bytes, offset + 14, done)
  writeU24(bytes, offset + 16, feedback.referenceTime)
  bytes[offset + 19] = feedback.feedbackCount
  return length
}

/** Symbols of the packet being written; only alive inside `writeArrivalFeedback`. */
const symbols = new Uint8Array(4096)

/** Fills `symbols`. @returns how many, ending before the first delta that 16 bits cannot say */
function classify(arrivals: Int32Array, count: number): number {
  let previous = 0
  for (let i = 0; i < count; i++) {
    const arrival = arrivals[i]!
    if (arrival === NOT_RECEIVED) {
      symbols[i] = Status.lost
      continue
    }
    const delta = arrival - previous
    if (delta < -0x8000 || delta > 0x7fff) return i
    symbols[i] = delta >= 0 && delta <= 255 ? Status.small : Status.large
    previous = arrival
  }
  return count
}

/** Bytes of delta that `covered` statuses take. */
function cost(from: number, covered: number): number {
  let bytes = 0
  for (let i = from; i < from + covered; i++) bytes += symbols[i]!
  return bytes
}

/** The shortest chunk for what begins at `from`: a run if it saves anything, else the vector that fits. */
function nextChunk(from: number, end: number): { chunk: number; covered: number } {
  const symbol = symbols[from]!
  let run = 1
  while (run < MAX_RUN && from + run < end && symbols[from + run] === symbol) run++
  if (run >= 14 || from + run === end) return { chunk: (symbol << 13) | run, covered: run }
  const ones = Math.min(14, end - from)
  let vector = 0
  let i = 0
  for (; i < ones && symbols[from + i]! !== Status.large; i++) vector |= symbols[from + i]! << (13 - i)
  if (i === ones) return { chunk: 0x8000 | vector, covered: ones }
  if (run >= 7) return { chunk: (symbol << 13) | run, covered: run }
  const twos = Math.min(7, end - from)
  vector = 0
  for (i = 0; i < twos; i++) vector |= symbols[from + i]! << (12 - 2 * i)
  return { chunk: 0xc000 | vector, covered: twos }
}

function writeDeltas(bytes: Uint8Array, at: number, arrivals: Int32Array, count: number): void {
  let next = at
  let previous = 0
  for (let i = 0; i < count; i++) {
    const symbol = symbols[i]!
    if (symbol === Status.lost) continue
    const delta = arrivals[i]! - previous
    if (symbol === Status.small) bytes[next] = delta
    else writeU16(bytes, next, delta)
    next += symbol
    previous = arrivals[i]!
  }
}
