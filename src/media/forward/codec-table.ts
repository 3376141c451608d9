/** Codecs as small numbers, for tables indexed by payload type; −1 is none. */
import type { CodecName, PayloadType } from '../control.js'
import { type Codec, codecs } from '../rtp/codecs/index.js'

const table: Record<CodecName, Codec> = codecs
const names = Object.keys(table) as CodecName[]

/** How many codecs there are; a codec is 0 … CODECS − 1. */
export const CODECS = names.length
export const OPUS = names.indexOf('opus')
export const RED = names.indexOf('red')
/** The functions of a codec by its number. */
export const codecOf: readonly Codec[] = names.map((name) => table[name])

/** What a publisher's payload types mean. */
export interface ReceiveTypes {
  /** Codec by payload type, −1 = not negotiated as media. */
  codec: Int8Array
  /** Media payload type by RTX payload type (`apt`, RFC 4588 §8.1), −1 = no RTX. */
  apt: Int8Array
}

export function receiveTypes(payloadTypes: readonly PayloadType[]): ReceiveTypes {
  const types = { codec: new Int8Array(128).fill(-1), apt: new Int8Array(128).fill(-1) }
  for (const { codec, pt, rtxPt } of payloadTypes) {
    types.codec[pt] = names.indexOf(codec)
    if (rtxPt !== undefined) types.apt[rtxPt] = pt
  }
  return types
}

/** What a subscriber accepted. */
export interface SendTypes {
  /** Payload type by codec, −1 = not accepted. */
  pt: Int16Array
  /** RTX payload type by codec, −1 = none. */
  rtxPt: Int16Array
}

export function sendTypes(payloadTypes: readonly PayloadType[]): SendTypes {
  const types = { pt: new Int16Array(CODECS).fill(-1), rtxPt: new Int16Array(CODECS).fill(-1) }
  for (const { codec, pt, rtxPt } of payloadTypes) {
    const at = names.indexOf(codec)
    if (at < 0 || types.pt[at]! >= 0) continue
    types.pt[at] = pt
    types.rtxPt[at] = rtxPt ?? -1
  }
  return types
}
