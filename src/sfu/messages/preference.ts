/** What a subscriber wants of its m-lines at most: sizes, layers, or nothing at all for a while. */
import { z } from 'zod'
import type { Preferences, StreamPreference } from '../../media/control.js'

/** A whole number from `min` to `max`. @param error what to say of anything else */
const ranged = (min: number, max: number, error: string) => z.int({ error }).min(min, { error }).max(max, { error })

const pixels = ranged(1, 16_384, 'expected a whole number of pixels from 1 to 16384').nullish()
const layer = ranged(0, 15, 'expected a layer from 0 to 15').nullish()
/** As long as mids may be (`jsep`). */
const midError = { error: 'expected the mid of an m-line' }
const mid = z.string(midError).min(1, midError).max(16, midError)

const streamShape = {
  max_width: pixels,
  max_height: pixels,
  /** Layers of simulcast or SVC, 0 = the smallest picture, the fewest frames. */
  max_spatial: layer,
  max_temporal: layer,
  /** Nothing is sent. */
  paused: z.boolean({ error: 'expected true or false' }).nullish(),
}

const streamSchema = z.object(streamShape, { error: 'expected an object' })

/** More m-lines than a subscriber can have. */
const TRACKS_MAX = 64

export const preferSchema = z.object(
  {
    /** For all m-lines of that kind that are not in `tracks`. */
    audio: streamSchema.nullish(),
    video: streamSchema.nullish(),
    /** For one m-line each, known by its mid in the offer. */
    tracks: z
      .array(z.object({ ...streamShape, mid }, { error: 'expected an object' }), { error: 'expected an array' })
      .max(TRACKS_MAX, { error: `expected ${TRACKS_MAX} tracks at most` })
      .nullish(),
  },
  { error: 'expected an object' },
)

/** In the form that workers take. */
export function preferencesOf({ audio, video, tracks }: z.output<typeof preferSchema>): Preferences {
  return {
    ...(audio && { audio: streamPreference(audio) }),
    ...(video && { video: streamPreference(video) }),
    mids: (tracks ?? []).map(({ mid, ...track }) => ({ mid, preference: streamPreference(track) })),
  }
}

function streamPreference(stream: z.output<typeof streamSchema>): StreamPreference {
  const { max_width, max_height, max_spatial, max_temporal, paused } = stream
  return {
    ...(typeof max_width === 'number' && { maxWidth: max_width }),
    ...(typeof max_height === 'number' && { maxHeight: max_height }),
    ...(typeof max_spatial === 'number' && { maxSpatial: max_spatial }),
    ...(typeof max_temporal === 'number' && { maxTemporal: max_temporal }),
    ...(paused === true && { paused }),
  }
}
