/**
 * Codecs as small numbers, for tables indexed by payload type; −1 is none. Variants of a codec, which SDP negotiates apart,
 * have numbers of their own.
 */
import type { CodecName, H264Variant, PayloadType } from '../control.js'
import { type Codec, codecs } from '../rtp/codecs/index.js'

const table: Record<CodecName, Codec> = codecs

/**
 * By variant of H264: what can take a stream of it as it is, best first. Constrained Baseline is a subset of all profiles
 * and Constrained High of High (H.264 A.2); Baseline has tools that the others have not. A receiver in packetization mode 1
 * takes the packets of mode 0 (RFC 6184 §6.3).
 */
const h264Receivers: Readonly<Record<H264Variant, readonly H264Variant[]>> = {
  'constrained-baseline/1': ['baseline/1', 'constrained-high/1', 'high/1'],
  'constrained-baseline/0': ['constrained-baseline/1', 'baseline/0', 'baseline/1', 'constrained-high/1', 'high/1'],
  'baseline/1': [],
  'baseline/0': ['baseline/1'],
  'constrained-high/1': ['high/1'],
  'high/1': [],
}
const defaultVariant: H264Variant = 'constrained-baseline/1'

const nameOf = (variant: string) => (variant === defaultVariant ? 'H264' : `H264/${variant}`)

/** Name of each number. */
const names: readonly string[] = [...new Set([...Object.keys(table), ...Object.keys(h264Receivers).map(nameOf)])]

const numberOf = ({ codec, variant = defaultVariant }: Pick<PayloadType, 'codec' | 'variant'>) =>
  names.indexOf(codec === 'H264' ? nameOf(variant) : codec)

/** How many numbers there are: 0 … CODECS − 1. */
export const CODECS = names.length
export const OPUS = names.indexOf('opus')
export const RED = names.indexOf('red')
export const VP8 = names.indexOf('VP8')
export const VP9 = names.indexOf('VP9')
/** The functions of a codec by its number. */
export const codecOf: readonly Codec[] = names.map((name) => table[name.split('/', 1)[0] as CodecName])

/** What a publisher's payload types mean. */
export interface ReceiveTypes {
  /** Codec by payload type, −1 = not negotiated as media. */
  codec: Int8Array
  /** Media payload type by RTX payload type (`apt`, RFC 4588 §8.1), −1 = no RTX. */
  apt: Int8Array
}

/** The tables of an m-line that we receive, from what was negotiated. */
export function receiveTypes(payloadTypes: readonly PayloadType[]): ReceiveTypes {
  const types = { codec: new Int8Array(128).fill(-1), apt: new Int8Array(128).fill(-1) }
  for (const payloadType of payloadTypes) {
    types.codec[payloadType.pt] = numberOf(payloadType)
    if (payloadType.rtxPt !== undefined) types.apt[payloadType.rtxPt] = payloadType.pt
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

/** The tables of an m-line that we send; of several payload types for one codec the first counts. */
export function sendTypes(payloadTypes: readonly PayloadType[]): SendTypes {
  const types = { pt: new Int16Array(CODECS).fill(-1), rtxPt: new Int16Array(CODECS).fill(-1) }
  for (const payloadType of payloadTypes) {
    const at = numberOf(payloadType)
    if (at < 0 || types.pt[at]! >= 0) continue
    types.pt[at] = payloadType.pt
    types.rtxPt[at] = payloadType.rtxPt ?? -1
  }
  const accepted = { pt: types.pt.slice(), rtxPt: types.rtxPt.slice() }
  for (const [variant, receivers] of Object.entries(h264Receivers)) {
    const at = names.indexOf(nameOf(variant))
    const other = receivers
      .map((receiver) => names.indexOf(nameOf(receiver)))
      .find((number) => accepted.pt[number]! >= 0)
    if (accepted.pt[at]! >= 0 || other === undefined) continue
    types.pt[at] = accepted.pt[other]!
    types.rtxPt[at] = accepted.rtxPt[other]!
  }
  return types
}
