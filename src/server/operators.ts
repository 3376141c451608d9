/** What operators reach: metrics and health, and with a secret the admin API, on a listener of their own. */
import { lookup } from 'node:dns/promises'
import { resolve } from 'node:path'
import { ConfigError } from '../config/config-error.js'
import type { Config } from '../config/settings.js'
import { Admin } from '../janus/admin/admin.js'
import type { AdminServices } from '../janus/admin/request.js'
import type { Gateway } from '../janus/gateway.js'
import { accessList } from '../janus/transports/access-list.js'
import { createAdminRest } from '../janus/transports/admin-rest.js'
import { createHttpListener } from '../janus/transports/http.js'
import { createWebSocketTransport } from '../janus/transports/websocket.js'
import type { Pool } from '../media/pool.js'
import { watchUsage } from '../media/usage.js'
import type { Logger } from '../observe/log.js'
import { createMetrics, type MetricsSource } from '../observe/metrics.js'
import { createOperatorRoutes, type Health } from '../observe/operator-routes.js'
import { listenError } from './listen-error.js'

/** Operators are few. */
const SOCKETS_MAX = 256

/** What operators look at and change. */
export interface Operated {
  readonly log: Logger
  readonly pool: Pool
  readonly gateway: Gateway
  /** Hands an event of an operator to the event handlers. */
  customEvent(schema: string, data: object): void
  readonly metrics: Pick<MetricsSource, 'live' | 'events' | 'refused' | 'messagesRefused'>
  /** Why blocks cannot be stored, as a sentence. */
  storeProblem(): Promise<string | undefined>
}

export interface OperatorListener {
  readonly port: number
  close(): Promise<void>
}

/** @throws ConfigError when it cannot listen */
export async function listenOperators(config: Config, operated: Operated): Promise<OperatorListener> {
  const { adminHost: host, adminPort: port } = config
  try {
    return await listen(config, operated)
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, {
      host,
      port,
      hostFlag: '--admin-host',
      portFlag: '--admin-port',
    })
  }
}

async function listen(config: Config, operated: Operated): Promise<OperatorListener> {
  const { adminHost: host, adminPort: port, adminSecret: secret, adminAcl: networks } = config
  const { log } = operated
  const refused = { address: 0, secret: 0 }
  const isAdmitted = networks.length > 0 ? readAccessList(networks) : () => true
  const admits = (address: string) => {
    const admitted = isAdmitted(address)
    if (!admitted) refused.address++
    return admitted
  }
  const onWrongSecret = () => refused.secret++
  const routes = createOperatorRoutes({
    secret,
    metrics: metricsOf(operated, refused),
    health: () => health(operated),
    refused: onWrongSecret,
  })
  if (secret === undefined) {
    const listener = await createHttpListener({ host, port, routes, admits, log })
    return { port: listener.port, close: () => listener.close() }
  }
  const admin = new Admin({ ...servicesOf(config, operated), secret, refused: onWrongSecret })
  const limits = { connections: SOCKETS_MAX }
  const sockets = createWebSocketTransport({ gateway: admin, subprotocol: 'janus-admin-protocol', limits, log })
  const upgrade = sockets.upgrade.bind(sockets)
  const all = [...routes, createAdminRest({ admin, log })]
  const listener = await createHttpListener({ host, port, routes: all, upgrade, admits, log })
  return {
    port: listener.port,
    async close() {
      await sockets.close()
      await listener.close()
    },
  }
}

function metricsOf({ pool, metrics }: Operated, refused: { address: number; secret: number }) {
  const usage = watchUsage()
  return createMetrics({
    workers: () => pool.counters(),
    running: () => pool.pids.map((_, worker) => pool.isRunning(worker)),
    usage,
    ...metrics,
    workerDeaths: () => pool.deaths,
    endpointsRefused: () => pool.refused,
    operatorsRefused: () => refused,
  })
}

async function health({ pool, gateway, metrics, storeProblem }: Operated): Promise<Health> {
  const draining = gateway.serverInfo()['accepting-new-sessions'] === false
  const unwell = pool.size - pool.well
  const problems = [
    unwell > 0 ? `${unwell} of ${pool.size} media workers do not answer` : undefined,
    draining ? 'the server takes no new sessions' : undefined,
    await storeProblem(),
  ]
  return {
    problems: problems.filter((problem) => problem !== undefined),
    details: { workers: pool.well, draining, ...metrics.live() },
  }
}

function readAccessList(networks: readonly string[]): (address: string) => boolean {
  try {
    return accessList(networks)
  } catch (error) {
    throw new ConfigError(`--admin-acl: ${(error as Error).message}`)
  }
}

/** Where captures go, if operators may make any. */
const capturesOf = ({ captureDir, dataDir, captureMax }: Config): AdminServices['captures'] =>
  captureDir === undefined ? undefined : { folder: resolve(dataDir, captureDir), maxBytes: captureMax }

function servicesOf(config: Config, { gateway, log, pool, customEvent }: Operated): AdminServices {
  return {
    core: gateway,
    log,
    logLevel: log,
    media: {
      get: () => ({
        noMediaTimer: pool.settings.noMediaMs / 1000,
        slowlinkThreshold: pool.settings.slowlinkThreshold,
      }),
      set: ({ noMediaTimer, slowlinkThreshold }) =>
        pool.configure({ noMediaMs: noMediaTimer * 1000, slowlinkThreshold }),
    },
    workers: async () => (await pool.counters()).map(({ live }, id) => ({ id, handles: live.endpoints ?? 0 })),
    captures: capturesOf(config),
    resolve: async (host) => (await lookup(host)).address,
    customEvent,
  }
}
