/** The `server_info` reply: what Janus clients and monitors read about a server. */
import type { Plugin } from './plugin.js'

/** How a plugin or a transport is listed. */
export interface PartFacts {
  readonly name: string
  readonly author: string
  readonly description: string
  readonly versionString: string
  readonly version: number
}

export interface ServerFacts {
  readonly name: string
  /** As a number, e.g. 1102 for 1.1.2. */
  readonly version: number
  readonly versionString: string
  readonly author: string
  readonly commitHash: string
  readonly compileTime: string
  /** Name of this instance. */
  readonly serverName: string
  /** Address announced for media. */
  readonly localIp: string
  readonly ipv6: boolean
  readonly iceLite: boolean
  readonly iceTcp: boolean
  /** Media processes. */
  readonly workers: number
  /** Library versions, e.g. of Node and OpenSSL. */
  readonly dependencies: Readonly<Record<string, string>>
  /** By package name, e.g. `janus.transport.websockets`. */
  readonly transports: Readonly<Record<string, PartFacts>>
  /** By package name; none when nobody is told of events. */
  readonly eventHandlers?: Readonly<Record<string, PartFacts>>
}

/** What can change while the server runs, or is the gateway's own setting. */
export interface GatewayState {
  readonly accepting: boolean
  readonly sessionTimeoutMs: number
  readonly reclaimTimeoutMs: number
  readonly candidatesTimeoutMs: number
  readonly opaqueIdInApi: boolean
  readonly fullTrickle: boolean
  readonly secretWanted: boolean
  readonly tokenWanted: boolean
  readonly plugins: Iterable<Plugin>
}

const part = ({ name, author, description, versionString, version }: PartFacts) => ({
  name,
  author,
  description,
  version_string: versionString,
  version,
})

const parts = (facts: Readonly<Record<string, PartFacts>>) =>
  Object.fromEntries(Object.entries(facts).map(([name, each]) => [name, part(each)]))

const seconds = (ms: number) => Math.round(ms / 1000)

/** @returns the keys of Janus 1.1.2, without the envelope */
export function serverInfo(facts: ServerFacts, state: GatewayState): Record<string, unknown> {
  return {
    name: facts.name,
    version: facts.version,
    version_string: facts.versionString,
    author: facts.author,
    'commit-hash': facts.commitHash,
    'compile-time': facts.compileTime,
    'log-to-stdout': true,
    'log-to-file': false,
    data_channels: true,
    'accepting-new-sessions': state.accepting,
    'session-timeout': seconds(state.sessionTimeoutMs),
    'reclaim-session-timeout': seconds(state.reclaimTimeoutMs),
    'candidates-timeout': seconds(state.candidatesTimeoutMs),
    'server-name': facts.serverName,
    'local-ip': facts.localIp,
    ipv6: facts.ipv6,
    'ice-lite': facts.iceLite,
    'ice-tcp': facts.iceTcp,
    // The only nomination of RFC 8445.
    'ice-nomination': 'regular',
    'ice-keepalive-conncheck': false,
    'full-trickle': state.fullTrickle,
    'mdns-enabled': false,
    'min-nack-queue': 200,
    'nack-optimizations': false,
    'twcc-period': 200,
    'dtls-mtu': 1200,
    'static-event-loops': facts.workers,
    'loop-indication': false,
    api_secret: state.secretWanted,
    auth_token: state.tokenWanted,
    event_handlers: Object.keys(facts.eventHandlers ?? {}).length > 0,
    opaqueid_in_api: state.opaqueIdInApi,
    dependencies: facts.dependencies,
    transports: parts(facts.transports),
    events: parts(facts.eventHandlers ?? {}),
    loggers: {},
    plugins: Object.fromEntries([...state.plugins].map((plugin) => [plugin.packageName, part(plugin)])),
  }
}
