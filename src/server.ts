/** Wires the parts together, with server-events.ts and server/ for some of them: settings in, a running server out. */
import { isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { ConfigError } from './config/config-error.js'
import { prepareDataDir } from './config/data-dir.js'
import { hostAddresses } from './config/host-addresses.js'
import type { Config } from './config/settings.js'
import { type ApiAuth, apiAuth } from './janus/auth/api-auth.js'
import { systemClock } from './janus/clock.js'
import { createGateway, type Gateway } from './janus/gateway.js'
import { Refusals } from './janus/refusals.js'
import type { ServerFacts } from './janus/server-info.js'
import { maxMessageSize } from './jsep/write-description.js'
import { PIN_PROBLEM, RELAY_PROBLEM } from './media/control.js'
import { type Pool, startPool } from './media/pool.js'
import { createLog, type Logger } from './observe/log.js'
import { type Certificate, readCertificate } from './server/certificate.js'
import { type Clients, listenClients } from './server/clients.js'
import { createDrain, type Drain } from './server/drain.js'
import { listenOperators } from './server/operators.js'
import { type Reloaded, Reloads } from './server/reloads.js'
import { type ReplaceableAuth, replaceableAuth } from './server/token-access.js'
import { watchedBlocks } from './server/watched-blocks.js'
import { type Events, eventHandlerFacts, openEvents } from './server-events.js'
import { openEmbeddedBlocks } from './sfu/blocks/embedded/embedded.js'
import { type BlockStore, StoreError } from './sfu/blocks/store.js'
import { createSfuPlugin, type SfuPlugin } from './sfu/plugin.js'
import type { Limits } from './sfu/services.js'

const AUTHOR = 'The rostra authors'
/** Below that a keyframe to a large room does not fit, nor what comes while a worker is busy for some tens of milliseconds. */
const MIN_SOCKET_BUFFER_BYTES = 1 << 20

async function listenMedia(config: Config, log: Logger): Promise<Pool> {
  const settings = { noMediaMs: config.mediaTimeout * 1000, slowlinkThreshold: config.slowlinkThreshold }
  const listen = config.rtcIp.length > 0 ? config.rtcIp : hostAddresses()
  const limits = {
    dataBufferBytes: config.dataBufferMax,
    maxMessageBytes: maxMessageSize,
    maxPublisherBps: config.maxPublisherRate,
    audible: config.audible,
  }
  try {
    const { workers, rtcPort, rtcTcp, pinWorkers: pin, maxPeerConnectionsPerWorker: maxEndpoints } = config
    return await startPool({ workers, rtcPort, rtcTcp, pin, listen, limits, settings, log, maxEndpoints })
  } catch (error) {
    const { message } = error as Error
    throw new ConfigError(`${flagOf(message)}: ${message}`)
  }
}

/** What an operator may change about it. */
function flagOf(problem: string): string {
  if (problem.startsWith(RELAY_PROBLEM)) return '--workers'
  if (problem.startsWith(PIN_PROBLEM)) return '--pin-workers'
  return /EADDRNOTAVAIL|not an address/.test(problem) ? '--rtc-ip' : '--rtc-port'
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

/** Who may use the Janus API at all. */
function readApiAuth({ apiSecret, tokenAuth, tokenAuthSecret }: Config): ApiAuth {
  const signed = tokenAuthSecret === undefined ? undefined : { signedWith: tokenAuthSecret }
  return apiAuth({ secret: apiSecret, tokens: signed ?? (tokenAuth ? 'stored' : undefined) })
}

function serverFacts(config: Config, version: string, candidateIps: readonly string[]): ServerFacts {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return {
    name: 'rostra',
    version: major * 10_000 + minor * 100 + patch,
    versionString: version,
    author: AUTHOR,
    commitHash: 'not-a-git-build',
    compileTime: 'not-recorded',
    serverName: hostname(),
    localIp: candidateIps[0] ?? '',
    ipv6: candidateIps.some(isIPv6),
    iceLite: true,
    iceTcp: config.rtcTcp,
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
      'janus.transport.http': {
        name: 'HTTP transport',
        author: AUTHOR,
        description: 'The Janus API over HTTP, with long polls',
        versionString: version,
        version: 1,
      },
    },
  }
}

/** A whole school may be behind one address, but not everybody else's places are its own. */
const shareOfAddress = ({ workers, maxPeerConnectionsPerWorker }: Config) =>
  Math.ceil(workers * maxPeerConnectionsPerWorker * (3 / 4))

/** What rooms hold users to. */
const roomLimits = (config: Config): Limits => ({
  maxRoomSize: config.maxRoomSize,
  maxCcu: config.maxCcu,
  maxDataBodyBytes: config.maxDataBody,
  maxPeerConnectionsPerSession: config.maxPeerConnections,
  maxPeerConnectionsPerAddress: config.maxPeerConnectionsPerAddress ?? shareOfAddress(config),
  maxSocketsPerAddress: config.maxSocketsPerAddress,
})

/** What the Janus API holds clients to. */
const sessionLimits = (config: Config) => ({
  sessions: config.maxSessions,
  sessionsPerAccount: config.maxSessionsPerSocket,
  handles: config.maxHandles,
  handlesPerSession: config.maxHandlesPerSession,
})

export interface RunningServer {
  readonly log: Logger
  /**
   * Puts those of the new settings in force that need no restart.
   * @throws ConfigError when one cannot be used: nothing has changed then
   */
  reload(config: Config): Reloaded
  /**
   * Takes no new sessions and is no longer ready (`/health`); what is there goes on.
   * @returns when no session is left, or after `limitMs`
   */
  drain(limitMs: number): Promise<void>
  /**
   * Tells clients that are still there, and resolves when nothing is left; a drain ends. Twice is harmless.
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
  const certificate = readCertificate(config)
  const auth = replaceableAuth(config)
  const log = createLog(config.logLevel)
  const reloads = new Reloads(config)
  reloads.add((next) => auth.replace(next))
  reloads.add((next, before) => () => {
    if (next.logLevel !== before.logLevel) log.level = next.logLevel
  })
  const closers: Closers = []
  let closing: Promise<void> | undefined
  const close = (signum = 0) => (closing ??= closeAll(closers, signum))
  try {
    const drain = await wire({ config, version, certificate, auth, log, reloads }, closers)
    return {
      log,
      reload: (next) => reloads.apply(next),
      drain: (limitMs) => drain.wait(limitMs),
      close(signum) {
        drain.callOff()
        return close(signum)
      },
    }
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

/** Settings that were read and found usable. */
interface Prepared {
  config: Config
  version: string
  certificate: Certificate | undefined
  auth: ReplaceableAuth
  log: Logger
  reloads: Reloads
}

/** Opens everything, the listeners last. */
async function wire(prepared: Prepared, closers: Closers): Promise<Drain> {
  const { config, version, log } = prepared
  const events = openEvents(config, hostname(), log, closers)
  const blocks = watchedBlocks(await openBlocks(config, closers), config.dataDir)
  const pool = await listenMedia(config, log)
  closers.push(() => pool.close())
  const plugin = openPlugin(prepared, pool, blocks)
  closers.push(() => plugin.close())
  const refusals = new Refusals()
  const ips = pool.candidates.map(({ ip }) => ip)
  const gateway = openGateway(prepared, plugin, serverFacts(config, version, ips), events, refusals)
  const clients = await listenClients({ ...prepared, gateway, events: events.sink, refusals }, closers)
  const drain = createDrain(
    () => {
      gateway.acceptNewSessions(false)
      log.info({ event: 'draining', sessions: gateway.live().sessions }, 'no new sessions')
    },
    () => gateway.live().sessions,
  )
  const admin = await listenOperators(config, {
    log,
    pool,
    gateway,
    customEvent: (schema, data) => events.sink.custom(schema, data),
    metrics: {
      live: () => ({ ...clients.live(), ...gateway.live(), ...plugin.live() }),
      events: () => ({ totals: { ...events.counts() }, queued: events.queued() }),
      refused: () => refusals.counters(),
      messagesRefused: () => plugin.refused(),
    },
    storeProblem: () => blocks.problem(),
  })
  closers.push(() => admin.close())
  events.started(gateway)
  sayListening(prepared, clients, admin.port, pool)
  return drain
}

function openPlugin({ config, auth, log, reloads }: Prepared, pool: Pool, blocks: BlockStore): SfuPlugin {
  const limits = roomLimits(config)
  reloads.add((next) => () => Object.assign(limits, roomLimits(next)))
  const codecs = { audio: config.audioCodecs, video: config.videoCodecs }
  return createSfuPlugin({ pool, blocks, profile: config.profile, auth, limits, codecs, log, clock: systemClock })
}

function openGateway(
  { config, log, reloads }: Prepared,
  plugin: SfuPlugin,
  facts: ServerFacts,
  events: Events,
  refusals: Refusals,
): Gateway {
  const gateway = createGateway({
    plugins: [plugin],
    facts,
    log,
    events: events.sink,
    auth: readApiAuth(config),
    sessionTimeoutMs: config.sessionTimeout * 1_000,
    reclaimTimeoutMs: config.reclaimSessionTimeout * 1_000,
    candidatesTimeoutMs: config.candidatesTimeout * 1_000,
    opaqueIdInApi: config.opaqueidInApi,
    fullTrickle: config.fullTrickle,
    limits: sessionLimits(config),
    refusals,
  })
  reloads.add((next, before) => () => {
    gateway.setLimits(sessionLimits(next))
    if (next.sessionTimeout !== before.sessionTimeout) gateway.setSessionTimeout(next.sessionTimeout * 1_000)
  })
  return gateway
}

/** The first line of the log, and what an operator should know from the start. */
function sayListening({ config, version, log }: Prepared, clients: Clients, adminPort: number, pool: Pool): void {
  log.info(
    {
      event: 'listening',
      url: clients.url,
      ...(clients.httpUrl !== undefined && { http: clients.httpUrl }),
      pid: process.pid,
      admin: `http://${config.adminHost.includes(':') ? `[${config.adminHost}]` : config.adminHost}:${adminPort}`,
      workers: pool.pids,
      rtcPorts: pool.ports,
    },
    `rostra ${version} listens on ${clients.url}`,
  )
  const { socketBufferBytes } = pool
  // Nobody else would say why packets are lost in bursts.
  if (socketBufferBytes < MIN_SOCKET_BUFFER_BYTES) {
    log.warn(
      { event: 'small-socket-buffers', socketBufferBytes },
      `the system keeps UDP buffers below ${MIN_SOCKET_BUFFER_BYTES} bytes: raise net.core.rmem_max and net.core.wmem_max`,
    )
  }
}
