/**
 * The one payload-type table of all offers of the server. Payload types are the same in every offer, so that a publisher
 * may change its codec without a new offer to subscribers. 107 stays free, also of RTX: naf-janus-adapter rewrites lines
 * of that number as H264.
 */
import type { CodecName, H264Variant } from '../media/control.js'
import type { CodecEntry } from './jsep.js'

/** Video feedback that rostra acts on, both ways. */
const videoFeedback = ['ccm fir', 'nack', 'nack pli', 'goog-remb'] as const

const video = (name: CodecName, pt: number, fmtp?: string): CodecEntry => ({
  name,
  kind: 'video',
  pt,
  rtxPt: pt + 1,
  clockRate: 90000,
  ...(fmtp === undefined ? {} : { fmtp }),
  feedback: videoFeedback,
})

const h264 = (variant: H264Variant, pt: number, profileLevelId: string): CodecEntry => ({
  ...video(
    'H264',
    pt,
    `level-asymmetry-allowed=1;packetization-mode=${variant.at(-1)};profile-level-id=${profileLevelId}`,
  ),
  variant,
})

/**
 * Variants of a codec stand in the order of preference. Of H264 what most can decode comes first: all that browsers make
 * of Constrained Baseline is valid for decoders of the other profiles, and packets of mode 0 for receivers of mode 1.
 */
export const formats: readonly CodecEntry[] = [
  {
    name: 'opus',
    kind: 'audio',
    pt: 111,
    clockRate: 48000,
    channels: 2,
    fmtp: 'minptime=10;useinbandfec=1;usedtx=1',
    feedback: [],
  },
  { name: 'red', kind: 'audio', pt: 63, clockRate: 48000, channels: 2, fmtp: '111/111', feedback: [] },
  video('VP8', 96),
  h264('constrained-baseline/1', 102, '42e01f'),
  h264('baseline/1', 108, '42001f'),
  h264('constrained-baseline/0', 104, '42e01f'),
  h264('baseline/0', 112, '42001f'),
  h264('constrained-high/1', 114, '640c1f'),
  h264('high/1', 116, '64001f'),
  video('VP9', 98, 'profile-id=0'),
  video('AV1', 45, 'level-idx=5;profile=0;tier=0'),
]

/** The preferred row of each codec: kind, clock rate, channels and feedback are those of all its rows. */
export const codecs = Object.fromEntries(formats.toReversed().map((entry) => [entry.name, entry])) as Readonly<
  Record<CodecName, CodecEntry>
>
