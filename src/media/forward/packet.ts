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
  /** Number in the encoding, which grows through all its SSRCs. */
  extSeq: number
  /** See `codec-table.ts`. */
  codec: number
  /** Decoding can begin here. */
  keyframe: boolean
  /** RED only: bytes in front of the primary block; −1 for other codecs and for RED that lies. */
  primarySkip: number
  nowMs: number
  /** Layers are known; if not, everybody gets it and what follows says nothing. See `layer-reader.ts`. */
  layered: boolean
  spatial: number
  temporal: number
  /** First packet of a frame, which is of one spatial layer. */
  startsFrame: boolean
  /** Masks of decode targets: those that need it, … */
  present: number
  /** …that can begin with its frame, … */
  begins: number
  /** …that can go on after its frame if that was sent, … */
  continues: number
  /** …whose picture ends with it. */
  ends: number
  /** Numbers of VP8 and VP9 pictures, −1 = absent. */
  pictureId: number
  tl0PicIdx: number
  keyIdx: number
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
    layered: false,
    spatial: 0,
    temporal: 0,
    startsFrame: false,
    present: 0,
    begins: 0,
    continues: 0,
    ends: 0,
    pictureId: -1,
    tl0PicIdx: -1,
    keyIdx: -1,
  }
}
