/**
 * What the rows run against: a server of their own per setting, or the one that `ROSTRA_URL` names.
 *
 * `ROSTRA_URL` (WebSocket), `ROSTRA_HTTP_URL` (REST, with its base path), `ROSTRA_ADMIN_URL` (admin API, with its base
 * path), `ROSTRA_ADMIN_SECRET`, `ROSTRA_PLUGIN` (default `janus.plugin.sfu`; `janus.plugin.echotest` for a Janus without it).
 */
import { networkInterfaces } from 'node:os'
import { EventReceiver } from '../../support/event-receiver.js'
import { type ServerProcess, startServer } from '../../support/server-process.js'
import { type Message, Wire } from '../../support/wire.js'
import { type Dialect, dialectOf } from './plugin.js'
import type { Need, Run, Setting } from './row.js'

export interface Server {
  readonly url: string
  /** Base of the REST paths, e.g. `http://127.0.0.1:8188/janus`. */
  readonly httpUrl: string | undefined
  readonly adminUrl: string | undefined
  readonly adminSecret: string | undefined
  /** Where peers of the rows have their sockets. */
  readonly mediaAddress: string
  /** Its `server_info`. */
  readonly info: Message
  /** Gets the events of a server that posts them. */
  readonly events?: EventReceiver
}

export interface Target {
  readonly name: string
  readonly plugin: Dialect
  /** @returns why a row does not apply here, or undefined */
  reason(row: Run): Promise<string | undefined>
  server(setting: Setting): Promise<Server>
  close(): Promise<void>
}

export const API_SECRET = 'between us'
export const TOKEN_SECRET = 'sekret'
const ADMIN_SECRET = 'of the operators'
const EVENT_SECRET = 'of the two of us'

const flags: Record<Setting, readonly string[]> = {
  plain: [],
  hasty: ['--session-timeout', '2'],
  reclaim: ['--reclaim-session-timeout', '3'],
  opaque: ['--opaqueid-in-api', 'true'],
  trickling: ['--full-trickle', 'true'],
  secret: ['--api-secret', API_SECRET],
  guarded: ['--api-secret', API_SECRET, '--token-auth', 'true', '--token-auth-secret', TOKEN_SECRET],
  tokens: ['--token-auth', 'true'],
  draining: [],
  capturing: ['--capture-dir', 'captures'],
  told: ['--event-secret', EVENT_SECRET],
  'told one by one': ['--event-secret', EVENT_SECRET, '--event-grouping', 'false'],
}

/** Servers as `npm start` starts them, each started when the first row asks for it. */
class OwnServers implements Target {
  readonly name = 'a server of our own'
  readonly plugin = dialectOf('janus.plugin.sfu')
  readonly #processes = new Map<Setting, Promise<ServerProcess>>()
  readonly #receivers = new Map<Setting, Promise<EventReceiver>>()

  async reason(): Promise<undefined> {
    return undefined
  }

  async server(setting: Setting): Promise<Server> {
    const running = this.#processes.get(setting) ?? this.#start(setting)
    this.#processes.set(setting, running)
    const { webSocketUrl: url, url: base, listening } = await running
    const urls = { url, httpUrl: `${base}/janus`, adminUrl: `${listening.admin}/admin`, adminSecret: ADMIN_SECRET }
    const events = await this.#receivers.get(setting)
    return { ...urls, mediaAddress: '127.0.0.1', info: await infoOf(url), ...(events && { events }) }
  }

  async #start(setting: Setting): Promise<ServerProcess> {
    const own = ['--workers', '1', '--admin-secret', ADMIN_SECRET, ...flags[setting]]
    if (!flags[setting].includes('--event-secret')) return startServer(own)
    const receiver = EventReceiver.open()
    this.#receivers.set(setting, receiver)
    return startServer([...own, '--event-url', (await receiver).url])
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes.values()].map(async (process) => (await process).stop()))
    for (const receiver of this.#receivers.values()) (await receiver).close()
  }
}

/** Longest time that a row waits for a session of somebody else's server to time out. */
const PATIENCE_S = 65
/** How long a long poll is held. */
const POLL_S = 30

const isShort = (timeoutS: number) => timeoutS > 0 && timeoutS <= PATIENCE_S

class NamedServer implements Target {
  readonly name: string
  readonly plugin: Dialect
  readonly #server: Omit<Server, 'info'>
  #info: Promise<Message> | undefined

  constructor(url: string, env: NodeJS.ProcessEnv) {
    this.name = url
    this.plugin = dialectOf(env.ROSTRA_PLUGIN ?? 'janus.plugin.sfu')
    const urls = {
      url,
      httpUrl: env.ROSTRA_HTTP_URL,
      adminUrl: env.ROSTRA_ADMIN_URL,
      adminSecret: env.ROSTRA_ADMIN_SECRET,
    }
    this.#server = { ...urls, mediaAddress: outerAddress() }
  }

  async reason({ on = 'plain', needs = [] }: Run): Promise<string | undefined> {
    const { httpUrl, adminUrl, info } = await this.server()
    const timeoutS = Number(info['session-timeout'])
    const lacks: Record<Need, string | false> = {
      own: 'needs a server of our own',
      sfu: !this.plugin.sfu && `needs janus.plugin.sfu, this is ${this.plugin.name}`,
      http: httpUrl === undefined && 'ROSTRA_HTTP_URL is not set',
      admin: adminUrl === undefined && 'ROSTRA_ADMIN_URL is not set',
      'timeout shorter than a poll': timeoutS >= POLL_S && `its session timeout is ${timeoutS} s, longer than a poll`,
    }
    const lacking = needs.map((need) => lacks[need]).find((reason) => reason !== false)
    if (lacking) return lacking
    const reclaimS = Number(info['reclaim-session-timeout'])
    const unset: Partial<Record<Setting, string | false>> = {
      hasty: !isShort(timeoutS) && `its session timeout is ${timeoutS} s`,
      reclaim: !isShort(reclaimS) && `its reclaim timeout is ${reclaimS} s`,
      trickling: info['full-trickle'] !== true && 'candidates are in its SDPs',
      opaque: info.opaqueid_in_api !== true && 'opaque ids are not in its events',
    }
    return unset[on] || undefined
  }

  async server(): Promise<Server> {
    this.#info ??= infoOf(this.#server.url)
    return { ...this.#server, info: await this.#info }
  }

  async close(): Promise<void> {}
}

/** Janus takes no media from loopback. */
function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

async function infoOf(url: string): Promise<Message> {
  const wire = await Wire.open(url)
  const info = await wire.request('info')
  await wire.close()
  return info
}

export const openTarget = (env = process.env): Target =>
  env.ROSTRA_URL === undefined ? new OwnServers() : new NamedServer(env.ROSTRA_URL, env)
