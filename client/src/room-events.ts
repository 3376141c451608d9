import type { MediaState } from './envelope.js'
import type { RoomError } from './errors.js'
import type { RoomState } from './lifecycle.js'
import type { Participant } from './participant.js'

/** Events of a `Room` and what their `detail` holds. */
export interface RoomEvents {
  /** Somebody is in the room: found there on joining, or joined later. */
  'participant-joined': { user: string; participant: Participant }
  'participant-left': { user: string }
  /**
   * A track of a user is there. `stream` is the participant's `stream` or `screen`, which holds all of its kind; a track that
   * came before its user said what is the screen moves there with the next `media` event. Comes again after a reconnect.
   */
  track: { user: string; stream: MediaStream; track: MediaStreamTrack }
  /** What a user says to be sending changed; see `Participant.media`. */
  media: { user: string; media: MediaState }
  /**
   * A data-channel message. `from`, `dataType` and `data` are set if the payload is an envelope (see `Room.broadcast`);
   * `from` is what the sender claims.
   */
  data: {
    channel: string
    payload: string | ArrayBuffer
    from: string | undefined
    dataType: string | undefined
    data: unknown
  }
  /** A message over signalling; `from` comes from the server. */
  message: { from: string | undefined; body: string }
  /** Somebody blocked us: nothing of theirs arrives any more, and nothing of ours reaches them. */
  blocked: { by: string }
  unblocked: { by: string }
  /** The state changed; `why` is a sentence for people. `retryInMs`: when the next attempt starts, in `reconnecting`. */
  state: { state: RoomState; why: string; retryInMs: number | undefined }
  /**
   * Something went wrong that does not change the state: one user's media, a message of ours. Media that a server refuses for
   * good, as with an expired token, are not asked for again until `Room.subscribe`, or until the user joins anew.
   */
  error: { error: RoomError; user: string | undefined }
}
