/** The only place that wires parts together: settings in, a running server out. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ConfigError } from './config/config-error.js'
import { prepareDataDir } from './config/data-dir.js'
import { hostAddresses } from './config/host-addresses.js'
import type { Config } from './config/settings.js'
import { type ApiAuth, apiAuth } from './janus/auth/api-auth.js'
import { systemClock } from './janus/clock.js'
import type { EventSink } from './janus/events/event-sink.js'
import { createGateway, type Gateway } from './janus/gateway.js'
import type { ServerFacts } from './janus/server-info.js'
import { createHttpListener, type HttpListener } from './janus/transports/http.js'
import { createRest } from './janus/transports/rest.js'
import { createStaticFiles } from './janus/transports/static-files.js'
import { createWebSocketTransport } from './janus/transports/websocket.js'
import { defaultPolicy } from './jsep/codecs.js'
import { maxMessageSize } from './jsep/write-description.js'
import { defaultMediaSettings } from './media/control.js'
import { type Pool, startPool } from './media/pool.js'
import { listenAdmin } from './observe/admin-listener.js'
import { createLog, type Logger } from './observe/log.js'
import { createMetrics } from './observe/metrics.js'
import { type Events, eventHandlerFacts, openEvents } from './server-events.js'
import { type Auth, open as openAuth } from './sfu/auth.js'
import { openEmbeddedBlocks } from './sfu/blocks/embedded/embedded.js'
import { type BlockStore, StoreError } from './sfu/blocks/store.js'
import { createSfuPlugin } from './sfu/plugin.js'
import { tokenAuth } from './sfu/token-auth.js'

const AUTHOR = 'The rostra authors'

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The system's words for a listener that cannot listen, as one line that names the setting. */
function listenError(error: NodeJS.ErrnoException, flag: string, host: string, port: number): Error {
  const words: Record<string, string> = {
    EADDRINUSE: 'is taken',
    EACCES: 'may not be used by this user',
    EADDRNOTAVAIL: 'is not an address of this host',
    ENOTFOUND: 'is not an address of this host',
  }
  const why = words[error.code ?? '']
  return why === undefined ? error : new ConfigError(`${flag}: ${host} port ${port} ${why}`)
}

async function listenMedia(config: Config, log: Logger): Promise<Pool> {
  const listen = config.rtcIp.length > 0 ? config.rtcIp : hostAddresses()
  const limits = {
    dataBufferBytes: config.dataBufferMax,
    maxMessageBytes: maxMessageSize,
    maxPublisherBps: config.maxPublisherRate,
  }
  try {
    const { workers, rtcPort } = config
    return await startPool({ workers, rtcPort, listen, limits, settings: { ...defaultMediaSettings }, log })
  } catch (error) {
    const { message } = error as Error
    throw new ConfigError(`${/EADDRNOTAVAIL|not an address/.test(message) ? '--rtc-ip' : '--rtc-port'}: ${message}`)
  }
}

async function openBlocks({ dataDir }: Config, closers: Closers): Promise<BlockStore> {
  try {
    const blocks = await openEmbeddedBlocks(dataDir)
    closers.push(() => blocks.close())
    return blocks
  } catch (error) {
    if (error instanceof StoreError) throw new ConfigError(`--data-dir: ${dataDir}: ${error.message}`)
    throw error
  }
}

function readTls(config: Config): Tls {
  if (config.tlsCert === undefined || config.tlsKey === undefined) return undefined
  const read = (flag: string, file: string) => {
    try {
      return readFileSync(file)
    } catch (error) {
      throw new ConfigError(`${flag}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  return { cert: read('--tls-cert', config.tlsCert), key: read('--tls-key', config.tlsKey) }
}

/** Who may join: everybody, or whoever has a token that the key of `--auth-key` (a file, or the URL of a JWKS) signed. */
function readAuth({ authKey }: Config): Auth {
  if (authKey === undefined) return openAuth
  try {
    return tokenAuth({ key: URL.canParse(authKey) ? new URL(authKey) : readFileSync(authKey) })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigError(`--auth-key: ${code?.startsWith('E') ? `cannot read ${authKey} (${code})` : message}`)
  }
}

/** Who may use the Janus API at all. */
function readApiAuth({ apiSecret, tokenAuth, tokenAuthSecret }: Config): ApiAuth {
  const signed = tokenAuthSecret === undefined ? undefined : { signedWith: tokenAuthSecret }
  return apiAuth({ secret: apiSecret, tokens: signed ?? (tokenAuth ? 'stored' : undefined) })
}

function serverFacts(config: Config, version: string, candidateIp: string): ServerFacts {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return {
    name: 'rostra',
    version: major * 10_000 + minor * 100 + patch,
    versionString: version,
    author: AUTHOR,
    commitHash: 'not-a-git-build',
    compileTime: 'not-recorded',
    serverName: hostname(),
    localIp: candidateIp,
    ipv6: candidateIp.includes(':'),
    iceLite: true,
    iceTcp: false,
    workers: config.workers,
    dependencies: { node: process.versions.node, openssl: process.versions.openssl ?? '' },
    ...(config.eventUrl && { eventHandlers: { 'rostra.eventhandler.http': eventHandlerFacts(version) } }),
    transports: {
      'janus.transport.websockets': {
        name: 'WebSocket transport',
        author: AUTHOR,
        description: 'The Janus API over WebSocket, subprotocol janus-protocol',
        versionString: version,
        version: 1,
      },
    },
  }
}

export interface RunningServer {
  /**
   * Stops taking clients, tells those that are there, and resolves when nothing is left. Twice is harmless.
   * @param signum number of the signal that is why; event handlers are told
   */
  close(signum?: number): Promise<void>
}

/**
 * Starts everything; the log's first line then says where.
 * @throws ConfigError with one line when a setting cannot be used; nothing is left running
 */
export async function startServer(config: Config, version: string): Promise<RunningServer> {
  prepareDataDir(config.dataDir)
  const tls = readTls(config)
  const auth = readAuth(config)
  const log = createLog(config.logLevel)
  const closers: Closers = []
  let closing: Promise<void> | undefined
  const close = (signum = 0) => (closing ??= closeAll(closers, signum))
  try {
    await wire({ config, version, tls, auth, log }, closers)
    return { close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Last opened, first closed. */
async function closeAll(closers: Closers, signum: number): Promise<void> {
  for (const close of closers.reverse()) await close(signum)
}

type Closers = ((signum: number) => Promise<void> | void)[]
type Tls = { cert: Buffer; key: Buffer } | undefined

/** Settings that were read and found usable. */
interface Prepared {
  config: Config
  version: string
  tls: Tls
  auth: Auth
  log: Logger
}

async function wire({ config, version, tls, auth, log }: Prepared, closers: Closers): Promise<void> {
  const events = openEvents(config, hostname(), log, closers)
  const blocks = await openBlocks(config, closers)
  const pool = await listenMedia(config, log)
  closers.push(() => pool.close())
  const plugin = createSfuPlugin({
    pool,
    blocks,
    profile: config.profile,
    auth,
    limits: {
      maxRoomSize: config.maxRoomSize,
      maxCcu: config.maxCcu,
      maxDataBodyBytes: config.maxDataBody,
      maxPeerConnectionsPerSession: config.maxPeerConnections,
    },
    codecs: defaultPolicy,
    log,
    clock: systemClock,
  })
  closers.push(() => plugin.close())
  const gateway = createGateway({
    plugins: [plugin],
    facts: serverFacts(config, version, pool.candidates[0]?.ip ?? ''),
    log,
    events: events.sink,
    auth: readApiAuth(config),
    sessionTimeoutMs: config.sessionTimeout * 1_000,
    reclaimTimeoutMs: config.reclaimSessionTimeout * 1_000,
    candidatesTimeoutMs: config.candidatesTimeout * 1_000,
    opaqueIdInApi: config.opaqueidInApi,
  })
  closers.push(() => gateway.close())
  const { listener, sockets } = await listenClients(config, tls, gateway, events.sink, log, closers)
  const live = () => ({ sockets: sockets(), ...gateway.live(), ...plugin.live() })
  const admin = await listenOperators(config, pool, live, events)
  closers.push(() => admin.close())
  events.started(gateway.info())
  log.info(
    {
      event: 'listening',
      url: listener.url,
      pid: process.pid,
      admin: `http://${config.adminHost.includes(':') ? `[${config.adminHost}]` : config.adminHost}:${admin.port}`,
      workers: pool.pids,
      rtcPorts: pool.ports,
    },
    `rostra ${version} listens on ${listener.url}`,
  )
}

async function listenClients(
  config: Config,
  tls: Tls,
  gateway: Gateway,
  events: EventSink,
  log: Logger,
  closers: Closers,
): Promise<{ listener: HttpListener; sockets(): number }> {
  const sockets = createWebSocketTransport({ gateway, events, log })
  const routes = [
    createRest({ gateway, events, log }),
    createStaticFiles({ base: '/client', directory: folder('../client') }),
    createStaticFiles({ base: '/demo', directory: folder('../../client/demo') }),
    createStaticFiles({ base: '/', directory: folder('../../client/demo') }),
  ]
  const { host, port } = config
  const upgrade = sockets.upgrade.bind(sockets)
  try {
    const listener = await createHttpListener({ host, port, ...(tls && { tls }), routes, upgrade, log })
    closers.push(() => listener.close())
    closers.push(() => sockets.close())
    closers.push(() => {
      gateway.acceptNewSessions(false)
      listener.stop()
    })
    return { listener, sockets: () => sockets.live() }
  } catch (error) {
    const system = error as NodeJS.ErrnoException
    if (tls && system.syscall !== 'listen') throw new ConfigError(`--tls-cert, --tls-key: ${system.message}`)
    throw listenError(system, system.code === 'EADDRNOTAVAIL' ? '--host' : '--port', host, port)
  }
}

async function listenOperators(config: Config, pool: Pool, live: () => Record<string, number>, events: Events) {
  const metrics = createMetrics({
    workers: () => pool.counters(),
    live,
    workerDeaths: () => pool.deaths,
    endpointsRefused: () => pool.refused,
    events: () => ({ totals: { ...events.counts() }, queued: events.queued() }),
  })
  const health = () => ({ healthy: pool.well === pool.size, details: { workers: pool.well, ...live() } })
  const { adminHost: host, adminPort: port, adminSecret: secret } = config
  try {
    return await listenAdmin({ host, port, secret, metrics, health })
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, '--admin-port', host, port)
  }
}
