/** How to join a room. */
export interface RoomOptions {
  /** WebSocket URL of the server, e.g. `wss://sfu.example.org/`. */
  url: string
  /** Room id, 1–256 characters without control characters. */
  room: string
  /** Our user id, 1–256 characters without control characters; nobody else's. */
  user: string
  /** What to send from the start: its first audio and first video track. The SDK never stops a track. */
  stream?: MediaStream
  /** Whether to send and receive data messages. Default true. */
  data?: boolean
  /** Whose audio and video to receive. Default everyone; `Room.subscribe` and `unsubscribe` change it later. */
  subscribeTo?: 'everyone' | ((user: string) => boolean)
  /**
   * Token for servers that ask for one. It goes with every join: ours, and that of each subscription to somebody. Tokens expire,
   * so give a function, which is called for each attempt; with a string those who come after its `exp` are not received.
   */
  token?: string | (() => string | Promise<string>)
  /** Aborting leaves the room, whatever it is doing. */
  signal?: AbortSignal
  /** ICE servers and the like. The server has a public address, so none are needed unless a TURN server is to be used. */
  rtcConfiguration?: RTCConfiguration
  /** Send video in three sizes. Default false. */
  simulcast?: boolean
  /** Go on trying if even the first attempt does not reach the server. Default false: the join fails then. */
  keepTrying?: boolean
  /** Users that we blocked earlier with this user id, so that `Participant.blocked` is right from the start. */
  blocked?: Iterable<string>
}
