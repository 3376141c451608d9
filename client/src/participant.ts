import type { MediaState } from './envelope.js'

/** Another user in the room. */
export interface Participant {
  readonly user: string
  /** The tracks that arrive; the object stays the same when the connection is made anew. */
  readonly stream: MediaStream
  /** The tracks of the screen that the user shares; empty while none is shared. The object stays the same. */
  readonly screen: MediaStream
  /** What the user says to be sending; undefined if it did not say (other software does not). */
  readonly media: MediaState | undefined
  /** We blocked this user. */
  readonly blocked: boolean
  /** This user blocked us, as far as we were told. */
  readonly blockedBy: boolean
}

/** The room's own view of a participant. */
export type MutableParticipant = { -readonly [K in keyof Participant]: Participant[K] }
