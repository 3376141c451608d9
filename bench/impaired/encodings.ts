/** What a publisher is asked to send of a picture. */
import type { PictureShape } from '../../test/support/impaired/stage.js'

/** Reads `640x360@25`. */
export function readShape(text: string): PictureShape {
  const [, width, height, framesPerSecond] = /^(\d+)x(\d+)@(\d+)$/.exec(text) ?? []
  if (!framesPerSecond) throw new Error(`a picture is WIDTHxHEIGHT@FRAMES, such as 640x360@25, not ${text}`)
  return { width: Number(width), height: Number(height), framesPerSecond: Number(framesPerSecond) }
}

/** One encoding, or as many as browsers make of that size, each half as high as the next. */
export function encodingsOf({ height }: PictureShape, simulcast: boolean): RTCRtpEncodingParameters[] {
  const large = height >= 720
  if (!simulcast) return [{ maxBitrate: large ? 2_500_000 : 1_500_000 }]
  const small = { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 }
  const middle = { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 }
  if (large) return [small, middle, { rid: 'f', maxBitrate: 2_000_000 }]
  return [
    { ...middle, maxBitrate: 160_000 },
    { rid: 'f', maxBitrate: 1_300_000 },
  ]
}
