/** What a client of the load generator sends: sound and pictures of even size, each packet with a stamp. */
import { firstRtcp, isPli, newRtcpCursor, nextRtcp, PayloadFeedback, RtcpType } from '../media/rtp/rtcp/index.js'
import { OPUS, VP8 } from './description.js'
import type { ClientPeer } from './peer.js'
import { STAMP_BYTES, type Stamps } from './stamp.js'

const AUDIO_PACKETS_PER_SECOND = 50
const AUDIO_CLOCK_HZ = 48_000
const VIDEO_CLOCK_HZ = 90_000
export const FRAMES_PER_SECOND = 25
/** Bytes of a packet's payload; the last of a frame has what is left. */
const PACKET_BYTES = 1_100
/** Without a request, so many frames lie between keyframes. */
const KEYFRAME_EVERY = 10 * FRAMES_PER_SECOND
/** VP8 payload descriptor and frame header (RFC 7741 §4.2, RFC 6386 §9.1): a keyframe of 640 × 240, and another frame. */
const KEYFRAME = Uint8Array.of(0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xf0, 0x00)
const INTERFRAME = Uint8Array.of(0x10, 0x11, 0x02, 0x00)
/** A packet inside of a frame. */
const CONTINUATION = Uint8Array.of(0x00)
/** Smallest last packet: descriptor, header of a keyframe and stamp. */
const PACKET_BYTES_MIN = KEYFRAME.length + STAMP_BYTES

/** One RTP stream that is sent at an even rate. */
interface Source {
  /** Sends what is due. @returns packets sent */
  send(nowMs: number): number
}

/** What is sent in the name of a user. */
export interface SourceContext {
  readonly peer: ClientPeer
  readonly stamps: Stamps
  readonly sender: number
  /** Whether packets count now. */
  readonly measuring: () => boolean
  /** A packet has left that is to be counted. */
  readonly counted: (payloadBytes: number) => void
}

abstract class EvenSource implements Source {
  protected readonly context: SourceContext
  protected readonly ssrc: number
  protected extSeq = Math.floor(Math.random() * 0x4000)
  readonly #intervalMs: number
  #dueMs: number
  #count = 0

  constructor(context: SourceContext, ssrc: number, perSecond: number) {
    this.context = context
    this.ssrc = ssrc
    this.#intervalMs = 1_000 / perSecond
    // Users do not speak in step.
    this.#dueMs = performance.now() + Math.random() * this.#intervalMs
  }

  send(nowMs: number): number {
    let packets = 0
    for (; this.#dueMs <= nowMs; this.#dueMs += this.#intervalMs) packets += this.sendOne(this.#count++)
    return packets
  }

  protected abstract sendOne(index: number): number

  protected sendPacket(pt: number, payload: Uint8Array, length: number, timestamp: number, marker: boolean): number {
    const { stamps, sender, peer, measuring, counted } = this.context
    const counts = measuring()
    stamps.write(payload, length, sender, counts ? 1 : 0)
    const packet = { ssrc: this.ssrc, pt, extSeq: this.extSeq++, timestamp: timestamp >>> 0, marker }
    if (!peer.sendRtp(packet, payload, undefined, length)) return 0
    if (counts) counted(length)
    return 1
  }
}

/** Opus: a packet every 20 ms. */
export class AudioSource extends EvenSource {
  readonly #payload: Uint8Array

  /** @param payloadBytes of a packet, at least `STAMP_BYTES` + 1 */
  constructor(context: SourceContext, ssrc: number, payloadBytes: number) {
    super(context, ssrc, AUDIO_PACKETS_PER_SECOND)
    // Configuration 31: CELT, fullband, 20 ms (RFC 6716 §3.1).
    this.#payload = new Uint8Array(payloadBytes).fill(0x5a)
    this.#payload[0] = 31 << 3
  }

  protected override sendOne(index: number): number {
    const timestamp = index * (AUDIO_CLOCK_HZ / AUDIO_PACKETS_PER_SECOND)
    return this.sendPacket(OPUS, this.#payload, this.#payload.length, timestamp, index === 0)
  }
}

/** VP8: frames of one size, in packets of up to 1,100 bytes; a keyframe at the beginning, every 10 s, and on request. */
export class VideoSource extends EvenSource {
  readonly #payload = new Uint8Array(PACKET_BYTES + PACKET_BYTES_MIN).fill(0x5a)
  readonly #frameBytes: number
  readonly #rtcp = newRtcpCursor()
  #sinceKeyframe = KEYFRAME_EVERY

  constructor(context: SourceContext, ssrc: number, bitrateBps: number) {
    super(context, ssrc, FRAMES_PER_SECOND)
    this.#frameBytes = Math.max(PACKET_BYTES_MIN, Math.round(bitrateBps / 8 / FRAMES_PER_SECOND))
    context.peer.onRtcp = (bytes, offset, length) => this.#feedback(bytes, offset, length)
  }

  protected override sendOne(index: number): number {
    const isKeyframe = this.#sinceKeyframe >= KEYFRAME_EVERY
    this.#sinceKeyframe = isKeyframe ? 1 : this.#sinceKeyframe + 1
    const timestamp = index * (VIDEO_CLOCK_HZ / FRAMES_PER_SECOND)
    let packets = 0
    for (let left = this.#frameBytes; left > 0; ) {
      // What is too short for a stamp goes with the packet before.
      const length = left < PACKET_BYTES + PACKET_BYTES_MIN ? left : PACKET_BYTES
      const start = isKeyframe ? KEYFRAME : INTERFRAME
      this.#payload.set(left === this.#frameBytes ? start : CONTINUATION)
      left -= length
      packets += this.sendPacket(VP8, this.#payload, length, timestamp, left === 0)
    }
    return packets
  }

  #feedback(bytes: Uint8Array, offset: number, length: number): void {
    const c = this.#rtcp
    for (let ok = firstRtcp(c, bytes, offset, length); ok; ok = nextRtcp(c)) {
      const isFir = c.type === RtcpType.psfb && c.count === PayloadFeedback.fir
      if (isPli(c) || isFir) this.#sinceKeyframe = KEYFRAME_EVERY
    }
  }
}
