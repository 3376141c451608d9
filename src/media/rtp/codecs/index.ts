/** All codecs in one table, by the name that SDP uses. */
import { av1 } from './av1.js'
import type { Codec } from './codec.js'
import { h264 } from './h264.js'
import { readH264Size } from './h264-size.js'
import { opus } from './opus.js'
import { red } from './red.js'
import { vp8 } from './vp8.js'
import { vp9 } from './vp9.js'

export const codecs = {
  opus,
  red,
  VP8: vp8,
  VP9: vp9,
  H264: { ...h264, readSize: readH264Size },
  AV1: av1,
} as const satisfies Record<string, Codec>

/** The same names as in the control messages of the workers. */
export type RtpCodecName = keyof typeof codecs

export * from './av1.js'
export type { Codec } from './codec.js'
export * from './h264.js'
export * from './h264-size.js'
export * from './opus.js'
export * from './red.js'
export * from './vp8.js'
export * from './vp9.js'
