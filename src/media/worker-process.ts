/** One media worker as a child process, through all its lives: started again when it dies, killed when it hangs. */
import { type ChildProcess, fork } from 'node:child_process'
import type {
  Answers,
  Candidate,
  Command,
  Counters,
  EndpointFigures,
  EndpointId,
  Fingerprint,
  MediaSettings,
  RelayedData,
  Report,
  RoomSpeakers,
  WorkerLimits,
} from './control.js'
import { MessageBatch } from './message-batch.js'
import type { AnswerTo, EndpointHome, Mirror, Sent, WorkerEndpoint } from './pooled-endpoint.js'
import { WorkerLoad } from './worker-choice.js'

export interface PoolLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface WorkerOptions {
  /** Number of worker processes, at least 1. */
  workers: number
  /** Worker i uses port `rtcPort + i`; 0 = any port. */
  rtcPort: number
  /** Whether clients may come over TCP too. */
  rtcTcp: boolean
  /** Whether each worker stays on a CPU of its own, as far as there are enough. */
  pin: boolean
  listen: { address: string; announced: string }[]
  limits: WorkerLimits
  /** For workers that start from now on. */
  settings: MediaSettings
  log: PoolLog
  /**
   * A worker that leaves a question unanswered for this long hangs: it is killed and replaced. Default 10,000. After
   * a fifth of it the worker counts as unwell, and after a tenth nobody waits for its counters.
   */
  hangMs?: number
}

/** What a worker tells the pool, beside what it tells endpoints. */
export interface WorkerEvents {
  /** It runs again after a death, and knows nothing yet. */
  revived(worker: WorkerProcess): void
  /** Data messages for the other workers of their rooms; `taken` is to be called when they have been taken there. */
  relay(worker: WorkerProcess, data: RelayedData[], taken: () => void): void
  /** Who of spread rooms it forwards. */
  speakers(worker: WorkerProcess, rooms: RoomSpeakers[]): void
}

/**
 * A worker allocates so little that V8 takes it for idle, and marks and compacts in the middle of a call, some
 * milliseconds each time, to give back a few hundred kilobytes. What runs once per packet runs together: compiled as one
 * piece it lies together, and a packet that comes after some milliseconds finds little of it in the caches.
 */
export const WORKER_FLAGS: readonly string[] = [
  '--no-memory-reducer',
  '--max-inlined-bytecode-size=1000',
  '--max-inlined-bytecode-size-cumulative=4000',
  // Five hundred packets a second take V8 11 (Node 20) half a minute to call hot; later ones count calls and have no such flag.
  ...(process.versions.v8.startsWith('11.') ? ['--interrupt-budget=10000'] : []),
]

/**
 * A worker that dies is started again at once; when it dies again within a minute, after this long, doubled for each
 * further death, up to the maximum.
 */
const RESTART_DELAY_MS = 100
const RESTART_DELAY_MAX_MS = 5_000
const HANG_MS = 10_000
/** How long `stop` waits for a worker to leave by itself. */
const STOP_GRACE_MS = 2_000

const nothingCounted: Counters = { totals: {}, live: {}, distributions: {} }

export class WorkerProcess implements EndpointHome {
  readonly index: number
  readonly endpoints = new Map<EndpointId, WorkerEndpoint>()
  readonly mirrors = new Map<EndpointId, Mirror>()
  /** Endpoints placed per room: the relay of data messages between workers needs to know. */
  readonly rooms = new Map<string, number>()
  /** How much it has to do. */
  readonly load = new WorkerLoad()
  candidates: Candidate[] = []
  relayPort: number | undefined
  /** What the system lets wait in its UDP socket each way, in bytes. */
  socketBufferBytes = Number.POSITIVE_INFINITY
  /** Times that it died. */
  deaths = 0
  readonly #options: WorkerOptions
  readonly #events: WorkerEvents
  readonly #hangMs: number
  readonly #commands = new MessageBatch<Command>((commands) => this.#write(commands))
  #fingerprint: Fingerprint | undefined
  #child: ChildProcess | undefined
  /** Questions that are not answered yet, the oldest first: answers keep their order. */
  #asks = new Map<number, { done(value: Answers[keyof Answers] | undefined): void; sinceMs: number }>()
  #counting: Promise<Counters | undefined> | undefined
  #counters = nothingCounted
  /** A question for figures is not answered yet. */
  #owesFigures = false
  /** The endpoint that figures were told of last, when there were more. */
  #figuresAfter: EndpointId = 0
  #nextAsk = 1
  /** Deaths of which none was a minute after the one before. */
  #deathsInARow = 0
  #lastDeathMs = Number.NEGATIVE_INFINITY
  #restart: NodeJS.Timeout | undefined
  #stopping = false

  constructor(index: number, options: WorkerOptions, events: WorkerEvents) {
    this.index = index
    this.#options = options
    this.#events = events
    this.#hangMs = options.hangMs ?? HANG_MS
  }

  get running(): boolean {
    return this.#fingerprint !== undefined
  }

  /** @throws Error while it is not running */
  get fingerprint(): Fingerprint {
    if (!this.#fingerprint) throw new Error(`media worker ${this.index} is not running`)
    return this.#fingerprint
  }

  get life(): number {
    return this.deaths
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the worker listens; rejects with its one clear line when it cannot. */
  start(): Promise<void> {
    const child = fork(new URL('./worker-main.js', import.meta.url), {
      serialization: 'advanced',
      execArgv: [...WORKER_FLAGS],
    })
    this.#child = child
    const { rtcPort, rtcTcp, pin, listen, limits, settings } = this.#options
    return new Promise((resolve, reject) => {
      let failure: string | undefined
      child.on('message', (message) => {
        // The channel may outlive the process by some messages: a dead worker says nothing.
        if (child.exitCode !== null || child.signalCode !== null) return
        for (const report of message as Report[]) {
          if (report.kind === 'ready') {
            this.#fingerprint = report.fingerprint
            this.candidates = report.candidates
            this.relayPort = report.relayPort
            this.socketBufferBytes = report.socketBufferBytes
            resolve()
          } else if (report.kind === 'failed') failure = report.message
          else this.#take(report)
        }
      })
      // Without a listener, a channel that breaks mid-write would end the main process.
      child.on('error', (error) => {
        this.#options.log.error({ worker: this.index, err: error.message }, 'media worker channel failed')
      })
      child.on('exit', (code, signal) => {
        reject(new Error(failure ?? `media worker ${this.index} ended at start (${signal ?? code})`))
        this.#exited(code, signal)
      })
      this.send({
        kind: 'start',
        index: this.index,
        port: rtcPort === 0 ? 0 : rtcPort + this.index,
        tcp: rtcTcp,
        pin,
        listen,
        limits,
        settings,
        relay: this.#options.workers > 1,
      })
    })
  }

  /**
   * Sends a command, together with all others of this tick; nothing when the process is gone.
   * @param ask the number that `done` will have
   */
  send(command: Sent, ask?: number): void {
    if (this.#child?.connected) this.#commands.add(ask === undefined ? command : { ...command, ask })
  }

  #write(commands: Command[]): void {
    if (!this.#child?.connected) return
    this.#child.send(commands, () => {
      // A failed write means that the worker is going: its `exit` tells the rest.
    })
  }

  /** Resolves when the worker has carried out the command, or is gone (then with undefined). */
  ask<C extends Sent>(command: C): Promise<AnswerTo<C['kind']> | undefined> {
    if (!this.#child?.connected) return Promise.resolve(undefined)
    const ask = this.#nextAsk++
    return new Promise((resolve) => {
      // The worker answers by the kind of the command.
      const done = (value: Answers[keyof Answers] | undefined) => resolve(value as AnswerTo<C['kind']>)
      this.#asks.set(ask, { done, sinceMs: performance.now() })
      this.send(command, ask)
    })
  }

  /** What it counts, or, when it does not say so in time, what it last counted in this life. */
  async counters(): Promise<Counters> {
    await this.#inTime(this.#count())
    return this.#counters
  }

  /** Figures of its endpoints, as `MediaPool.figures` says; none while the answer before is still awaited. */
  async figures(): Promise<EndpointFigures[]> {
    if (this.endpoints.size === 0 || this.#owesFigures) return []
    this.#owesFigures = true
    const answer = this.ask({ kind: 'figures', after: this.#figuresAfter }).then((page) => {
      this.#owesFigures = false
      this.#figuresAfter = page?.next ?? 0
      return page?.endpoints
    })
    return (await this.#inTime(answer)) ?? []
  }

  /** @returns undefined when the answer is late */
  async #inTime<T>(answer: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#hangMs / 10)
    })
    const first = await Promise.race([answer, late])
    clearTimeout(timer)
    return first
  }

  /** Asks for counters; one question at a time, however many want to know. */
  #count(): Promise<Counters | undefined> {
    this.#counting ??= this.ask({ kind: 'counters' }).then((counters) => {
      this.#counting = undefined
      this.#counters = counters ?? nothingCounted
      if (counters?.usage) this.load.measured(counters.usage.cpuSeconds, this.endpoints.size, performance.now())
      return counters
    })
    return this.#counting
  }

  /** It runs and answers. */
  isWell(nowMs: number): boolean {
    return this.running && nowMs - this.#waitingSinceMs <= this.#hangMs / 5
  }

  /** Asks how it is; kills it when it hangs, and its `exit` does the rest. To be called a few times per `hangMs`. */
  watch(nowMs: number): void {
    if (nowMs - this.#waitingSinceMs >= this.#hangMs) {
      this.#options.log.error({ worker: this.index, pid: this.pid }, 'media worker hangs, killing it')
      this.#child?.kill('SIGKILL')
    } else if (this.running) void this.#count()
  }

  /** When the oldest unanswered question was asked; Infinity when there is none. */
  get #waitingSinceMs(): number {
    for (const { sinceMs } of this.#asks.values()) return sinceMs
    return Number.POSITIVE_INFINITY
  }

  /** Resolves when no process is left. Twice is harmless. */
  stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      const grace = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
      child.once('exit', () => {
        clearTimeout(grace)
        resolve()
      })
      this.send({ kind: 'stop' })
    })
  }

  /** What taking a report throws is a bug in this process, which goes on: it ends at most the endpoint that it is about. */
  #take(report: Report): void {
    try {
      this.#report(report)
    } catch (error) {
      this.#bug(report.kind, error)
      if ('endpoint' in report) this.#close([this.endpoints.get(report.endpoint)], (endpoint) => endpoint.fail())
    }
  }

  #close(endpoints: Iterable<WorkerEndpoint | undefined>, close: (endpoint: WorkerEndpoint) => void): void {
    for (const endpoint of endpoints) {
      try {
        if (endpoint) close(endpoint)
      } catch (error) {
        this.#bug('closed', error)
      }
    }
  }

  #bug(report: Report['kind'], error: unknown): void {
    this.#options.log.error({ worker: this.index, report, err: error }, 'a report could not be taken: this is a bug')
  }

  #report(report: Report): void {
    switch (report.kind) {
      case 'connected':
        return this.endpoints.get(report.endpoint)?.observer.connected()
      case 'silence':
        return this.endpoints.get(report.endpoint)?.observer.silence(report.isSilent)
      case 'media':
        return this.#heard(report)
      case 'slowlink': {
        const { mid, media, uplink, lost } = report
        return this.endpoints.get(report.endpoint)?.observer.slowlink(mid, media, uplink, lost)
      }
      case 'closed':
        this.mirrors.get(report.endpoint)?.failed()
        return this.endpoints.get(report.endpoint)?.closed(report.reason)
      case 'sources':
        return this.endpoints.get(report.endpoint)?.setSources(report.sources)
      case 'captured': {
        const { endpoint, why } = report
        return this.#options.log.info({ worker: this.index, endpoint, why }, 'a capture ended')
      }
      case 'relay':
        return this.#relay(report)
      case 'speakers':
        return this.#events.speakers(this, report.rooms)
      case 'bug':
        return this.#options.log.error({ worker: this.index, endpoint: report.endpoint, err: report.error }, 'bug')
      case 'done': {
        const waiting = this.#asks.get(report.ask)
        this.#asks.delete(report.ask)
        return waiting?.done(report.value)
      }
    }
  }

  #heard({ endpoint, mid, media, receiving, silentMs }: Extract<Report, { kind: 'media' }>): void {
    this.endpoints.get(endpoint)?.observer.media(mid, media, receiving, silentMs)
  }

  #relay({ batch, data }: Extract<Report, { kind: 'relay' }>): void {
    const child = this.#child
    this.#events.relay(this, data, () => {
      // Numbers of batches begin anew with every life.
      if (this.#child === child) this.send({ kind: 'relayed', batch })
    })
  }

  #exited(code: number | null, signal: string | null): void {
    const wasRunning = this.running
    this.#fingerprint = undefined
    this.#commands.clear()
    for (const waiting of this.#asks.values()) waiting.done(undefined)
    this.#asks.clear()
    this.#close([...this.endpoints.values()], (endpoint) => endpoint.closed('Internal error'))
    if (this.#stopping || (!wasRunning && this.#deathsInARow === 0)) return
    const nowMs = performance.now()
    this.#deathsInARow = nowMs - this.#lastDeathMs > 60_000 ? 1 : this.#deathsInARow + 1
    this.#lastDeathMs = nowMs
    const delayMs =
      this.#deathsInARow === 1 ? 0 : Math.min(RESTART_DELAY_MS * 2 ** (this.#deathsInARow - 2), RESTART_DELAY_MAX_MS)
    this.#options.log.error({ worker: this.index, code, signal, delayMs }, 'media worker died, starting another')
    this.deaths++
    this.#restart = setTimeout(() => {
      this.start().then(
        () => this.#events.revived(this),
        (error: Error) => this.#options.log.error({ worker: this.index, err: error.message }, 'restart failed'),
      )
    }, delayMs)
  }
}
