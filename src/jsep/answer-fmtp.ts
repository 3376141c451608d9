/** Format parameters of a publisher's codec: which its answer repeats, and which its subscribers are told. */
import type { Match } from './codecs.js'
import type { RemotePayloadType } from './jsep.js'
import type { Mline } from './write-description.js'

/**
 * Parameters that are repeated to the sender when it offered them, so that it makes use of them: rostra passes
 * media on and has no preferences. Everything else that it wrote is about what it receives, and left out.
 */
const repeated: Partial<Record<Match['codec'], readonly string[]>> = {
  opus: [
    'minptime',
    'ptime',
    'maxptime',
    'maxaveragebitrate',
    'maxplaybackrate',
    'stereo',
    'useinbandfec',
    'usedtx',
    'cbr',
  ],
  H264: ['level-asymmetry-allowed', 'packetization-mode', 'profile-level-id'],
  VP9: ['profile-id'],
  AV1: ['level-idx', 'profile', 'tier'],
}

/** What a sender says of what it sends (RFC 7587 §6.1); receivers are told the same. */
const spropNames: Partial<Record<Match['codec'], readonly string[]>> = {
  opus: ['sprop-maxcapturerate', 'sprop-stereo'],
}

const isShort = (value: string | undefined) => /^[0-9a-f]{1,10}$/i.test(value ?? '')

/** Parameters of the answer, for one payload type and its RTX. */
export function answerFmtp(match: Match, primary: Match): Mline['fmtp'] {
  const { codec, payload, rtx } = match
  const lines: Mline['fmtp'] = []
  if (codec === 'red') {
    lines.push({ payload: payload.pt, config: `${primary.payload.pt}/${primary.payload.pt}` })
  } else {
    const parameters = withStereo(match)
    const config = (repeated[codec] ?? [])
      .filter((key) => isShort(parameters[key]))
      .map((key) => `${key}=${parameters[key]}`)
    if (config.length > 0) lines.push({ payload: payload.pt, config: config.join(';') })
  }
  if (rtx !== undefined) lines.push({ payload: rtx.pt, config: `apt=${payload.pt}` })
  return lines
}

/** Who means to send stereo and does not say whether it takes any: browsers send it only to who asks for it. */
function withStereo({ codec, payload: { parameters } }: Match): RemotePayloadType['parameters'] {
  const asks = codec === 'opus' && parameters['sprop-stereo'] === '1' && parameters.stereo === undefined
  return asks ? { ...parameters, stereo: '1' } : parameters
}

/**
 * What subscribers are told of what is sent, e.g. `sprop-stereo=1`. Browsers write `stereo=1` when they may send
 * stereo as well as receive it.
 */
export function spropOf({ codec, payload: { parameters } }: Match): string {
  const told = { ...parameters }
  if (codec === 'opus' && parameters.stereo === '1') told['sprop-stereo'] ??= '1'
  return (spropNames[codec] ?? [])
    .filter((key) => isShort(told[key]) && told[key] !== '0')
    .map((key) => `${key}=${told[key]}`)
    .join(';')
}
