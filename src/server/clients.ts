/** Where clients come in: the listeners, and the transports of the Janus API on them. */
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../config/config-error.js'
import type { Config } from '../config/settings.js'
import type { EventSink } from '../janus/events/event-sink.js'
import type { Gateway } from '../janus/gateway.js'
import type { Refusals } from '../janus/refusals.js'
import { clientAddresses, connectionAddresses } from '../janus/transports/addresses.js'
import { ByteBudget } from '../janus/transports/byte-budget.js'
import { createHttpListener, type HttpListener, type HttpListenerOptions } from '../janus/transports/http.js'
import { createRest } from '../janus/transports/rest.js'
import { createStaticFiles } from '../janus/transports/static-files.js'
import { createWebSocketTransport } from '../janus/transports/websocket.js'
import type { Logger } from '../observe/log.js'
import { type Certificate, readCertificate } from './certificate.js'
import { listenError } from './listen-error.js'
import type { Reloads } from './reloads.js'

export interface ClientParts {
  config: Config
  certificate: Certificate | undefined
  reloads: Reloads
  gateway: Gateway
  events: EventSink
  refusals: Refusals
  log: Logger
}

interface Closers {
  push(close: () => Promise<void> | void): unknown
}

export interface Clients {
  readonly url: string
  /** Where the listener for HTTP alone is, if there is one. */
  readonly httpUrl: string | undefined
  /** Open WebSockets and held polls, and the memory that clients share. */
  live(): { sockets: number; polls: number; received_bytes: number; unsent_bytes: number }
}

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Connections that are no WebSockets have room on top of those that are. */
const CONNECTIONS_BESIDES = 1000
const connectionsMax = (config: Config) => config.maxSockets + CONNECTIONS_BESIDES
/** As many as the other limits of an address need. */
const connectionsOfAddress = (config: Config) =>
  config.maxSocketsPerAddress + config.maxPollsPerAddress + CONNECTIONS_BESIDES

const socketLimits = (config: Config) => ({
  connections: config.maxSockets,
  connectionsPerAddress: config.maxSocketsPerAddress,
  messagesPerSecond: config.maxMessageRate,
  messageBytes: config.maxMessageBytes,
  cutAboveBytes: config.maxUnsentBytes,
})

const restLimits = (config: Config) => ({
  messagesPerSecond: config.maxMessageRate,
  messageBytes: config.maxMessageBytes,
  queuedBytes: config.maxUnsentBytes,
  pollsPerAddress: config.maxPollsPerAddress,
})

/** What waits to be sent to all clients, over both transports. */
function unsentBudget({ config, reloads, refusals, log }: ClientParts): ByteBudget {
  let totalBytes = config.maxUnsentBytesTotal
  reloads.add((next) => () => {
    totalBytes = next.maxUnsentBytesTotal
  })
  return new ByteBudget({
    limits: () => ({ totalBytes }),
    onCut(clients, bytes) {
      refusals.count('unsent_bytes', clients)
      log.warn(
        { clients, bytes },
        'too much waits to be sent to clients that do not take it: those that held most are cut off',
      )
    },
  })
}

/**
 * Opens the listeners for clients.
 * @param closers gets what closes them again, in the order of opening
 * @throws ConfigError that names the setting
 */
export async function listenClients(parts: ClientParts, closers: Closers): Promise<Clients> {
  const { config, certificate: tls, gateway, events, refusals, log, reloads } = parts
  const cors = { allowOrigin: config.allowOrigin, enforce: config.enforceCors }
  const clientAddress = clientAddresses(config.trustedProxy)
  const unsent = unsentBudget(parts)
  const shared = { gateway, events, log, cors, clientAddress, unsent, refusals }
  const sockets = createWebSocketTransport({ ...shared, limits: socketLimits(config) })
  const rest = createRest({ ...shared, limits: restLimits(config) })
  const routes = [
    rest,
    createStaticFiles({ base: '/client', directory: folder('../../client') }),
    createStaticFiles({ base: '/demo', directory: folder('../../../client/demo') }),
    createStaticFiles({ base: '/', directory: folder('../../../client/demo') }),
  ]
  const { host } = config
  const listen = async (port: number, flag: string, more: Pick<HttpListenerOptions, 'routes' | 'upgrade'>) => {
    const limits = {
      connectionsMax: connectionsMax(config),
      connectionsPerAddress: { max: connectionsOfAddress(config), keyOf: connectionAddresses(config.trustedProxy) },
    }
    const listener = await listenHttp({ host, port, tls, flag, refusals, log, ...limits, ...more })
    closers.push(() => listener.close())
    return listener
  }
  const listener = await listen(config.port, '--port', { routes, upgrade: sockets.upgrade.bind(sockets) })
  const { httpPort } = config
  const http = httpPort === undefined ? undefined : await listen(httpPort, '--http-port', { routes: [rest] })
  closers.push(() => rest.polls.close())
  // Sessions whose sockets are closed have ended; the others learn it by the polls that are held.
  closers.push(() => gateway.close())
  closers.push(() => sockets.close())
  closers.push(() => {
    gateway.acceptNewSessions(false)
    listener.stop()
    http?.stop()
  })
  reloads.add((next) => () => {
    sockets.setLimits(socketLimits(next))
    rest.setLimits(restLimits(next))
    for (const each of [listener, http]) each?.setConnectionsMax(connectionsMax(next), connectionsOfAddress(next))
  })
  reloads.add((next) => {
    const certificate = readCertificate(next)
    if (!certificate !== !tls) throw new ConfigError('--tls-cert: to turn TLS on or off needs a restart')
    return () => {
      if (!certificate) return
      listener.setCertificate(certificate)
      http?.setCertificate(certificate)
    }
  })
  return {
    url: listener.url,
    httpUrl: http?.url,
    live: () => ({
      sockets: sockets.live(),
      polls: rest.polls.live,
      received_bytes: sockets.receivedBytes() + rest.receivedBytes(),
      unsent_bytes: unsent.measure(),
    }),
  }
}

type Limits = 'connectionsMax' | 'connectionsPerAddress'
type HttpParts = Pick<HttpListenerOptions, 'host' | 'port' | 'routes' | 'upgrade' | Limits> & {
  tls: Certificate | undefined
  flag: string
  refusals: Refusals
  log: Logger
}

/** @param flag that said the port */
async function listenHttp({ tls, flag, refusals, ...options }: HttpParts): Promise<HttpListener> {
  try {
    return await createHttpListener({
      ...options,
      ...(tls && { tls }),
      onDrop: () => refusals.count('connections'),
    })
  } catch (error) {
    const { host, port } = options
    throw listenError(error as NodeJS.ErrnoException, { host, port, hostFlag: '--host', portFlag: flag })
  }
}
