/** `janus.plugin.sfu`: puts the parts together and hands out connections. */
import type { HandleFigures } from '../janus/handle-info.js'
import type { Plugin } from '../janus/plugin.js'
import type { CodecPolicy } from '../jsep/jsep.js'
import type { MediaPool } from '../media/pool-types.js'
import { adminMessage } from './admin/index.js'
import type { Auth } from './auth.js'
import { BlockList } from './blocks/block-list.js'
import { Enforcement } from './blocks/enforcement.js'
import type { BlockStore } from './blocks/store.js'
import type { Clock } from './clock.js'
import { Connection } from './connection.js'
import { dispatch } from './dispatch.js'
import { noRefusals, type RefusalCounts } from './errors.js'
import { Ghosts } from './ghosts.js'
import type { Log } from './log.js'
import { Presence } from './presence.js'
import type { ProfileName } from './profile.js'
import { Quota } from './quota.js'
import type { Limits, Services } from './services.js'
import { handleFigures } from './traffic.js'

export interface SfuPluginOptions {
  pool: MediaPool
  /** Stays the caller's: `close` does not close it. */
  blocks: BlockStore
  /** For connections that do not choose one by `?profile=`. */
  profile: ProfileName
  auth: Auth
  /** May change at any time. */
  limits: Limits
  codecs: CodecPolicy
  log: Log
  clock: Clock
}

/** Numbers of what is alive, by kind; all 0 when nobody is attached. */
export type LiveCounts = Record<
  | 'connections'
  | 'publishers'
  | 'subscribers'
  | 'rooms'
  | 'users'
  | 'listeners'
  | 'block_owners'
  | 'blocked_pairs'
  | 'sessions'
  | 'watched_sessions'
  | 'peer_connections',
  number
>

export interface SfuPlugin extends Plugin {
  live(): LiveCounts
  /** Messages that were turned down since the start, by code. */
  refused(): Readonly<RefusalCounts>
  /** Ends every connection without a word to clients. Twice is harmless. */
  close(): void
}

export function createSfuPlugin(options: SfuPluginOptions): SfuPlugin {
  const { pool, auth, profile, limits, codecs, log } = options
  const blocks = new BlockList(options.blocks)
  const enforcement = new Enforcement(pool, blocks, log)
  const presence = new Presence()
  const ghosts = new Ghosts(options.clock)
  const quota = new Quota(() => limits.maxPeerConnectionsPerSession)
  const refused = noRefusals()
  const shared = { pool, presence, blocks, enforcement, ghosts, quota }
  const services: Services = { ...shared, auth, profile, limits, refused, codecs, log }
  const connections = new Set<Connection>()
  const count = (test: (connection: Connection) => boolean) => [...connections].filter(test).length

  return {
    packageName: 'janus.plugin.sfu',
    name: 'Selective forwarding unit',
    author: 'The rostra authors',
    description: 'Rooms of users who publish audio, video and data and subscribe to each other',
    version: 1,
    versionString: '0.1.0',
    ackHint: 'Processing.',

    attach(port) {
      const connection = new Connection(services, port, dispatch, () => connections.delete(connection))
      connections.add(connection)
      return connection
    },

    async figures() {
      const byEndpoint = new Map((await pool.figures()).map((figures) => [figures.endpoint, figures]))
      const told: HandleFigures[] = []
      if (byEndpoint.size === 0) return told
      for (const connection of connections) {
        const { endpoint, order } = connection.negotiator
        const figures = endpoint && byEndpoint.get(endpoint.id)
        if (figures) told.push(handleFigures(connection, figures, order))
      }
      return told
    },

    admin: (request) => adminMessage(services, request),

    live: () => ({
      connections: connections.size,
      publishers: count(({ source }) => source !== undefined),
      subscribers: count(({ negotiator }) => negotiator.subscribes),
      ...presence.occupancy,
      block_owners: blocks.held,
      blocked_pairs: enforcement.pairs,
      sessions: ghosts.sessions,
      watched_sessions: ghosts.watched,
      peer_connections: quota.taken,
    }),

    refused: () => refused,

    close() {
      for (const connection of [...connections]) connection.detached()
      ghosts.close()
    },
  }
}
