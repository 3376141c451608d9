/**
 * What SRTP does besides ciphering (RFC 3711 §3.3): indexes, their estimation from 16 bits, replay windows. A
 * wrong rollover counter fails here as it would with keys, and one index for two packets is reported as the
 * bug of ours that it is.
 */
import type { Datagram } from './simulated-network.js'

const WINDOW = 1024
const MAX_SSRCS = 256
const RTP_TAG_BYTES = 16
const RTCP_TRAILER_BYTES = 20

/** Which of the last 1024 indexes were seen. */
export class ReplayWindow {
  highest = -1
  #seen = new Float64Array(WINDOW).fill(-1)

  isFresh(index: number): boolean {
    return index >= 0 && index > this.highest - WINDOW && this.#seen[index % WINDOW] !== index
  }

  mark(index: number): void {
    this.#seen[index % WINDOW] = index
    if (index > this.highest) this.highest = index
  }

  /** Marks the index. @returns false when it was seen or is too old */
  take(index: number): boolean {
    if (!this.isFresh(index)) return false
    this.mark(index)
    return true
  }
}

/** What became of a received packet; the names end the counters `drop_srtp_…` and `drop_srtcp_…`. */
export type Opened = 'ok' | 'malformed' | 'auth' | 'replay' | 'ssrc_limit'

interface Sealed {
  index: number
  bytes: Uint8Array
}

export class SimulatedSrtp {
  #session: number
  #rtp = new Map<number, ReplayWindow>()
  #rtcp = new Map<number, ReplayWindow>()
  #sealed = new Map<number, (Sealed | undefined)[]>()
  #rtcpIndex = 0
  readonly #link = new ReplayWindow()

  constructor(session: number) {
    this.#session = session
  }

  /**
   * Seals a whole RTP packet, which must not change afterwards.
   * @param index ROC << 16 | sequence number
   * @throws Error for another packet with an SSRC and index that were used: with GCM that gives the key away
   */
  sealRtp(bytes: Uint8Array, index: number): Datagram {
    const ssrc = readSsrc(bytes, 8)
    let sealed = this.#sealed.get(ssrc)
    if (!sealed) this.#sealed.set(ssrc, (sealed = new Array<Sealed | undefined>(WINDOW)))
    const before = sealed[index % WINDOW]
    if (before?.index === index && !same(before.bytes, bytes)) {
      throw new Error(`two packets sealed with SSRC ${ssrc} and index ${index}`)
    }
    sealed[index % WINDOW] = { index, bytes }
    return { kind: 'rtp', bytes, wireBytes: bytes.length + RTP_TAG_BYTES, session: this.#session, index }
  }

  /** Seals compound RTCP, which must not change afterwards. */
  sealRtcp(bytes: Uint8Array): Datagram {
    const index = this.#rtcpIndex++
    return { kind: 'rtcp', bytes, wireBytes: bytes.length + RTCP_TRAILER_BYTES, session: this.#session, index }
  }

  openRtp(datagram: Datagram): Opened {
    const { bytes, index } = datagram
    if (bytes.length < 12 || bytes[0]! >> 6 !== 2) return 'malformed'
    const ssrc = readSsrc(bytes, 8)
    const seq = (bytes[2]! << 8) | bytes[3]!
    const window = this.#rtp.get(ssrc)
    if (!window && this.#rtp.size >= MAX_SSRCS) return 'ssrc_limit'
    const authentic = datagram.session === this.#session
    if (!window) {
      // A stream begins with ROC 0; it may have wrapped before its first packet came through.
      const begins = index === seq || (index === seq + 0x10000 && seq < WINDOW)
      if (!authentic || !begins) return 'auth'
      const first = new ReplayWindow()
      first.mark(index)
      this.#rtp.set(ssrc, first)
      return 'ok'
    }
    const estimated = nearest(window.highest, seq)
    if (!window.isFresh(estimated)) return 'replay'
    if (!authentic || estimated !== index) return 'auth'
    window.mark(index)
    return 'ok'
  }

  /** The same for a link: SSRC and sequence number together count its packets, and nothing is guessed. */
  openLink(datagram: Datagram): Opened {
    const { bytes, index } = datagram
    if (bytes.length < 12 || bytes[0]! >> 6 !== 2) return 'malformed'
    const seq = (bytes[2]! << 8) | bytes[3]!
    const number = readSsrc(bytes, 8) * 0x10000 + seq
    if (!this.#link.isFresh(number)) return 'replay'
    if (datagram.session !== this.#session || index !== seq) return 'auth'
    this.#link.mark(number)
    return 'ok'
  }

  openRtcp(datagram: Datagram): Opened {
    const { bytes } = datagram
    if (bytes.length < 8 || bytes[0]! >> 6 !== 2) return 'malformed'
    if (datagram.session !== this.#session) return 'auth'
    const ssrc = readSsrc(bytes, 4)
    let window = this.#rtcp.get(ssrc)
    if (!window) {
      if (this.#rtcp.size >= MAX_SSRCS) return 'ssrc_limit'
      this.#rtcp.set(ssrc, (window = new ReplayWindow()))
    }
    return window.take(datagram.index) ? 'ok' : 'replay'
  }
}

/** The number that stands for a key. */
export function sessionOf(key: Uint8Array): number {
  return key.reduce((hash, byte) => Math.imul(hash ^ byte, 0x0100_0193) >>> 0, 0x811c_9dc5) || 1
}

/** The index nearest to `reference` whose low 16 bits are `seq`; negative before the first one. */
export function nearest(reference: number, seq: number): number {
  return reference + (((seq - (reference % 0x10000)) << 16) >> 16)
}

function readSsrc(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
