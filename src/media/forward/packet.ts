/** One received RTP packet on its way to the subscriptions. One object serves all packets. */
import { newRtpView, type RtpView } from '../rtp/packet.js'

export interface Packet {
  bytes: Uint8Array
  /** Absolute offset of the RTP header. */
  offset: number
  /** From the header to the end of the payload; padding is left out. */
  length: number
  /** What stands before the payload: RTP header, and of a recovered packet its 2-byte OSN. */
  headerLength: number
  /** 0: padding only. */
  payloadLength: number
  view: RtpView
  /** Number in the publication, which grows through all its SSRCs. */
  extSeq: number
  /** See `codec-table.ts`. */
  codec: number
  /** Decoding can begin here. */
  keyframe: boolean
  /** RED only: bytes in front of the primary block; −1 for other codecs and for RED that lies. */
  primarySkip: number
  nowMs: number
}

export function newPacket(): Packet {
  return {
    bytes: new Uint8Array(0),
    offset: 0,
    length: 0,
    headerLength: 0,
    payloadLength: 0,
    view: newRtpView(),
    extSeq: 0,
    codec: 0,
    keyframe: false,
    primarySkip: -1,
    nowMs: 0,
  }
}
