/** What all connections of the plugin share. */
import type { CodecPolicy } from '../jsep/jsep.js'
import type { MediaPool } from '../media/pool-types.js'
import type { Abandonment } from './abandonment.js'
import type { Auth } from './auth.js'
import type { BlockList } from './blocks/block-list.js'
import type { Enforcement } from './blocks/enforcement.js'
import type { Clock } from './clock.js'
import type { RefusalCounts } from './errors.js'
import type { Ghosts } from './ghosts.js'
import type { Log } from './log.js'
import type { Presence } from './presence.js'
import type { ProfileName } from './profile.js'
import type { Quota } from './quota.js'

export interface Limits {
  /** Users per room; 0 = no limit. */
  maxRoomSize: number
  /** Users on the server; 0 = no limit. */
  maxCcu: number
  /** Longest `body` of a `data` message, bytes of UTF-8. */
  maxDataBodyBytes: number
  /** PeerConnections of one Janus session; a client needs one, and one more for each user whom it watches. */
  maxPeerConnectionsPerSession: number
  /** PeerConnections of all clients of one address. */
  maxPeerConnectionsPerAddress: number
  /** WebSockets of one address, each of which may listen to who comes and goes. */
  maxSocketsPerAddress: number
}

export interface Services {
  readonly pool: MediaPool
  readonly presence: Presence
  readonly blocks: BlockList
  readonly enforcement: Enforcement
  readonly ghosts: Ghosts
  readonly abandonment: Abandonment
  readonly quota: Quota
  readonly auth: Auth
  readonly profile: ProfileName
  readonly limits: Limits
  /** Messages that were turned down since the start. */
  readonly refused: RefusalCounts
  readonly codecs: CodecPolicy
  readonly log: Log
  readonly clock: Clock
}
