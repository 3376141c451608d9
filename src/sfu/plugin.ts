/** `janus.plugin.sfu`: puts the parts together and hands out connections. */
import type { HandleFigures } from '../janus/handle-info.js'
import type { HandlePort, Plugin, PluginHandle } from '../janus/plugin.js'
import type { CodecPolicy } from '../jsep/jsep.js'
import type { MediaPool } from '../media/pool-types.js'
import { Abandonment } from './abandonment.js'
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
import { listenerLimits, Presence } from './presence.js'
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
  return new Sfu(options)
}

class Sfu implements SfuPlugin {
  readonly packageName = 'janus.plugin.sfu'
  readonly name = 'Selective forwarding unit'
  readonly author = 'The rostra authors'
  readonly description = 'Rooms of users who publish audio, video and data and subscribe to each other'
  readonly version = 1
  readonly versionString = '0.1.0'
  readonly ackHint = 'Processing.'
  readonly #services: Services
  readonly #connections = new Set<Connection>()

  constructor({ pool, blocks: store, profile, auth, limits, codecs, log, clock }: SfuPluginOptions) {
    const blocks = new BlockList(store)
    const peerConnections = () => ({
      perSession: limits.maxPeerConnectionsPerSession,
      perAddress: limits.maxPeerConnectionsPerAddress,
    })
    this.#services = {
      pool,
      profile,
      auth,
      limits,
      codecs,
      log,
      clock,
      blocks,
      presence: new Presence(() => listenerLimits(limits.maxSocketsPerAddress)),
      enforcement: new Enforcement(pool, blocks, log),
      ghosts: new Ghosts(clock, log),
      abandonment: new Abandonment(clock, log),
      quota: new Quota(peerConnections),
      refused: noRefusals(),
    }
  }

  attach(port: HandlePort): PluginHandle {
    const connection = new Connection(this.#services, port, dispatch, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    return connection
  }

  async figures(): Promise<HandleFigures[]> {
    const byEndpoint = new Map((await this.#services.pool.figures()).map((figures) => [figures.endpoint, figures]))
    const told: HandleFigures[] = []
    if (byEndpoint.size === 0) return told
    for (const connection of this.#connections) {
      const { endpoint, order } = connection.negotiator
      const figures = endpoint && byEndpoint.get(endpoint.id)
      if (figures) told.push(handleFigures(connection, figures, order))
    }
    return told
  }

  admin(request: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    return adminMessage(this.#services, request)
  }

  live(): LiveCounts {
    const { presence, blocks, enforcement, ghosts, quota } = this.#services
    return {
      connections: this.#connections.size,
      publishers: this.#count(({ source }) => source !== undefined),
      subscribers: this.#count(({ negotiator }) => negotiator.subscribes),
      ...presence.occupancy,
      block_owners: blocks.held,
      blocked_pairs: enforcement.pairs,
      sessions: ghosts.sessions,
      watched_sessions: ghosts.watched,
      peer_connections: quota.taken,
    }
  }

  #count(test: (connection: Connection) => boolean): number {
    return [...this.#connections].filter(test).length
  }

  refused(): Readonly<RefusalCounts> {
    return this.#services.refused
  }

  close(): void {
    for (const connection of [...this.#connections]) connection.detached()
    this.#services.ghosts.close()
  }
}
