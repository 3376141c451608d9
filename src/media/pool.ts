/**
 * Media workers as child processes: starts them, starts them again when they die, and hands out endpoints.
 * A worker that dies takes only its own endpoints with it: their observers are told, everybody else goes on.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import type {
  Candidate,
  Command,
  Counters,
  EndpointId,
  Fingerprint,
  IceCredentials,
  Report,
  WorkerLimits,
} from './control.js'
import type { EndpointObserver, MediaPool, PooledEndpoint } from './pool-types.js'

export interface PoolOptions {
  /** Number of worker processes, at least 1. */
  workers: number
  /** Worker i uses UDP port `rtcPort + i`; 0 = any port. */
  rtcPort: number
  listen: { address: string; announced: string }[]
  limits: WorkerLimits
  log: PoolLog
  /** A worker that leaves a question unanswered for this long hangs: it is killed and replaced. Default 10,000. */
  hangMs?: number
}

export interface PoolLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A worker that dies is started again after this long, doubled for each death within a minute, up to the maximum. */
const RESTART_DELAY_MS = 100
const RESTART_DELAY_MAX_MS = 5_000
const HANG_MS = 10_000
/** How long `close` waits for a worker to leave by itself. */
const STOP_GRACE_MS = 2_000

/** Distributes over `Command`, so that every kind keeps its own fields. */
type Sent = Command extends infer C ? (C extends unknown ? Omit<C, 'ask'> : never) : never

const iceChars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const randomIceString = (length: number) => Array.from({ length }, () => iceChars[randomInt(64)]).join('')
/** RFC 8445 §5.3 asks for 24 and 128 bits at least; these are 48 and 144. */
const newCredentials = (): IceCredentials => ({ ufrag: randomIceString(8), pwd: randomIceString(24) })

/** One worker process, through all its lives. */
class WorkerProcess {
  readonly index: number
  readonly endpoints = new Map<EndpointId, Endpoint>()
  /** Endpoints placed per room: the relay of data messages between workers needs to know. */
  readonly rooms = new Map<string, number>()
  fingerprint: Fingerprint | undefined
  candidates: Candidate[] = []
  readonly #pool: Pool
  #child: ChildProcess | undefined
  #asks = new Map<number, { done(value: Counters | undefined): void; sinceMs: number }>()
  #nextAsk = 1
  #deaths = 0
  #lastDeathMs = Number.NEGATIVE_INFINITY
  #restart: NodeJS.Timeout | undefined
  #stopping = false

  constructor(pool: Pool, index: number) {
    this.#pool = pool
    this.index = index
  }

  get running(): boolean {
    return this.fingerprint !== undefined
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the worker listens; rejects with its one clear line when it cannot. */
  start(): Promise<void> {
    const child = fork(new URL('./worker-main.js', import.meta.url), { serialization: 'advanced', execArgv: [] })
    this.#child = child
    const { rtcPort, listen, limits } = this.#pool.options
    return new Promise((resolve, reject) => {
      let failure: string | undefined
      child.on('message', (message) => {
        const report = message as Report
        if (report.kind === 'ready') {
          this.fingerprint = report.fingerprint
          this.candidates = report.candidates
          resolve()
        } else if (report.kind === 'failed') failure = report.message
        else this.#report(report)
      })
      // Without a listener, a channel that breaks mid-write would end the main process.
      child.on('error', (error) => {
        this.#pool.options.log.error({ worker: this.index, err: error.message }, 'media worker channel failed')
      })
      child.on('exit', (code, signal) => {
        reject(new Error(failure ?? `media worker ${this.index} ended at start (${signal ?? code})`))
        this.#exited(code, signal)
      })
      this.send({
        kind: 'start',
        index: this.index,
        port: rtcPort === 0 ? 0 : rtcPort + this.index,
        listen,
        limits,
      })
    })
  }

  send(command: Sent, ask?: number): void {
    if (!this.#child?.connected) return
    this.#child.send(ask === undefined ? command : { ...command, ask }, () => {
      // A failed write means that the worker is going: its `exit` tells the rest.
    })
  }

  /** Resolves when the worker has carried out the command, or is gone (then with undefined). */
  ask(command: Sent): Promise<Counters | undefined> {
    if (!this.#child?.connected) return Promise.resolve(undefined)
    const ask = this.#nextAsk++
    return new Promise((done) => {
      this.#asks.set(ask, { done, sinceMs: performance.now() })
      this.send(command, ask)
    })
  }

  /** Kills a worker that hangs; its `exit` does the rest. */
  watch(nowMs: number): void {
    const { hangMs = HANG_MS } = this.#pool.options
    for (const { sinceMs } of this.#asks.values()) {
      if (nowMs - sinceMs < hangMs) continue
      this.#pool.options.log.error({ worker: this.index, pid: this.pid }, 'media worker hangs, killing it')
      this.#child?.kill('SIGKILL')
      return
    }
    if (this.running) void this.ask({ kind: 'counters' })
  }

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

  #report(report: Report): void {
    switch (report.kind) {
      case 'connected':
        return this.endpoints.get(report.endpoint)?.observer.connected()
      case 'media':
        return this.endpoints.get(report.endpoint)?.observer.media(report.mid, report.media, report.receiving)
      case 'closed':
        return this.endpoints.get(report.endpoint)?.ended(report.reason)
      case 'relay':
        return this.#pool.relay(this, report)
      case 'bug':
        return this.#pool.options.log.error({ worker: this.index, endpoint: report.endpoint, err: report.error }, 'bug')
      case 'done': {
        const waiting = this.#asks.get(report.ask)
        this.#asks.delete(report.ask)
        return waiting?.done(report.value)
      }
    }
  }

  #exited(code: number | null, signal: string | null): void {
    const wasRunning = this.running
    this.fingerprint = undefined
    this.rooms.clear()
    for (const waiting of this.#asks.values()) waiting.done(undefined)
    this.#asks.clear()
    for (const endpoint of [...this.endpoints.values()]) endpoint.ended('Internal error')
    if (this.#stopping || (!wasRunning && this.#deaths === 0)) return
    const nowMs = performance.now()
    this.#deaths = nowMs - this.#lastDeathMs > 60_000 ? 1 : this.#deaths + 1
    this.#lastDeathMs = nowMs
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (this.#deaths - 1), RESTART_DELAY_MAX_MS)
    this.#pool.options.log.error({ worker: this.index, code, signal, delayMs }, 'media worker died, starting another')
    this.#pool.deaths++
    this.#restart = setTimeout(() => {
      this.start().then(
        () => this.#pool.revived(this),
        (error: Error) => this.#pool.options.log.error({ worker: this.index, err: error.message }, 'restart failed'),
      )
    }, delayMs)
  }
}

class Endpoint implements PooledEndpoint {
  readonly id: EndpointId
  readonly observer: EndpointObserver
  readonly fingerprint: Fingerprint
  readonly candidates: readonly Candidate[]
  ice = newCredentials()
  #process: WorkerProcess
  #pool: Pool
  #room: string | undefined
  #ended = false

  constructor(pool: Pool, process: WorkerProcess, id: EndpointId, observer: EndpointObserver) {
    this.#pool = pool
    this.#process = process
    this.id = id
    this.observer = observer
    this.fingerprint = process.fingerprint as Fingerprint
    this.candidates = process.candidates
    process.endpoints.set(id, this)
    process.send({ kind: 'open', endpoint: id, local: this.ice })
  }

  get worker(): number {
    return this.#process.index
  }

  connect(remote: IceCredentials, dtls: Parameters<PooledEndpoint['connect']>[1]): void {
    this.#send({ kind: 'connect', endpoint: this.id, remote, dtls })
  }

  restart(): void {
    this.ice = newCredentials()
    this.#send({ kind: 'restart', endpoint: this.id, local: this.ice })
  }

  receive(streams: Parameters<PooledEndpoint['receive']>[0]): void {
    this.#send({ kind: 'receive', endpoint: this.id, streams })
  }

  send(streams: Parameters<PooledEndpoint['send']>[0]): void {
    this.#send({ kind: 'send', endpoint: this.id, streams })
  }

  source(publisher: PooledEndpoint | null): void {
    if (publisher && publisher.worker !== this.worker) throw new Error('publisher and subscriber on different workers')
    this.#send({ kind: 'source', endpoint: this.id, publisher: publisher?.id ?? null })
  }

  place(room: string, user: string, flags: { relaysData: boolean; receivesData: boolean }): void {
    if (this.#ended) return
    if (this.#room === undefined) {
      this.#room = room
      this.#pool.entered(this.#process, room)
    }
    this.#send({ kind: 'place', endpoint: this.id, room, user, ...flags })
  }

  close(): void {
    if (this.#ended) return
    this.#send({ kind: 'close', endpoint: this.id })
    this.#end()
  }

  ended(reason: Parameters<EndpointObserver['closed']>[0]): void {
    if (this.#ended) return
    this.#end()
    this.observer.closed(reason)
  }

  #end(): void {
    this.#ended = true
    this.#process.endpoints.delete(this.id)
    if (this.#room !== undefined) this.#pool.left(this.#process, this.#room)
  }

  #send(command: Sent): void {
    if (!this.#ended) this.#process.send(command)
  }
}

class Pool implements MediaPool {
  readonly options: PoolOptions
  /** Workers that died since the start. */
  deaths = 0
  readonly #workers: WorkerProcess[]
  /** Blocks in force: a worker that starts again gets them all, and so does a room's next endpoint. */
  readonly #blocks = new Map<string, Map<string, [string, string]>>()
  #nextEndpoint = 1
  #watch: NodeJS.Timeout | undefined

  constructor(options: PoolOptions) {
    this.options = options
    this.#workers = Array.from({ length: options.workers }, (_, index) => new WorkerProcess(this, index))
  }

  async start(): Promise<void> {
    const starts = await Promise.allSettled(this.#workers.map((worker) => worker.start()))
    const failed = starts.find((start) => start.status === 'rejected')
    if (failed) {
      await this.close()
      throw failed.reason
    }
    this.#watch = setInterval(
      () => {
        for (const worker of this.#workers) worker.watch(performance.now())
      },
      (this.options.hangMs ?? HANG_MS) / 2,
    )
    this.#watch.unref()
  }

  get size(): number {
    return this.#workers.length
  }

  /** Workers that are up now. */
  get running(): number {
    return this.#workers.filter((worker) => worker.running).length
  }

  get pids(): (number | undefined)[] {
    return this.#workers.map((worker) => worker.pid)
  }

  /** UDP port of each worker. */
  get ports(): (number | undefined)[] {
    return this.#workers.map((worker) => worker.candidates[0]?.port)
  }

  /** Candidates of the first worker: the addresses are the same for all. */
  get candidates(): readonly Candidate[] {
    return this.#workers[0]?.candidates ?? []
  }

  open(where: { worker?: number; room?: string }, observer: EndpointObserver): PooledEndpoint {
    const worker = this.#choose(where)
    if (!worker) throw new Error('no media worker is running')
    return new Endpoint(this, worker, this.#nextEndpoint++, observer)
  }

  async block(room: string, users: readonly [string, string], blocked: boolean): Promise<void> {
    const pair = [...users].sort() as [string, string]
    const key = JSON.stringify(pair)
    const blocks = this.#blocks.get(room) ?? new Map<string, [string, string]>()
    if (blocked) this.#blocks.set(room, blocks.set(key, pair))
    else if (blocks.delete(key) && blocks.size === 0) this.#blocks.delete(room)
    await Promise.all(this.#workers.map((worker) => worker.ask({ kind: 'block', room, users: pair, blocked })))
  }

  forget(room: string): void {
    this.#blocks.delete(room)
    for (const worker of this.#workers) worker.send({ kind: 'forget', room })
  }

  async counters(): Promise<Counters[]> {
    const all = await Promise.all(this.#workers.map((worker) => worker.ask({ kind: 'counters' })))
    return all.map((counters) => counters ?? { totals: {}, live: {} })
  }

  async close(): Promise<void> {
    clearInterval(this.#watch)
    await Promise.all(this.#workers.map((worker) => worker.stop()))
  }

  /** A worker came back: it knows nothing yet. */
  revived(worker: WorkerProcess): void {
    for (const [room, blocks] of this.#blocks)
      for (const users of blocks.values()) worker.send({ kind: 'block', room, users, blocked: true })
  }

  entered(worker: WorkerProcess, room: string): void {
    const count = (worker.rooms.get(room) ?? 0) + 1
    worker.rooms.set(room, count)
    if (count === 1) this.#tellSpread(room)
  }

  left(worker: WorkerProcess, room: string): void {
    const count = (worker.rooms.get(room) ?? 0) - 1
    if (count > 0) {
      worker.rooms.set(room, count)
      return
    }
    worker.rooms.delete(room)
    this.#tellSpread(room)
  }

  relay(from: WorkerProcess, report: Report & { kind: 'relay' }): void {
    for (const worker of this.#workers) if (worker !== from && worker.rooms.has(report.data.room)) worker.send(report)
  }

  #tellSpread(room: string): void {
    const hosts = this.#workers.filter((worker) => worker.rooms.has(room))
    for (const worker of hosts) worker.send({ kind: 'spread', room, elsewhere: hosts.length > 1 })
  }

  #choose(where: { worker?: number; room?: string }): WorkerProcess | undefined {
    if (where.worker !== undefined) {
      const asked = this.#workers[where.worker]
      return asked?.running ? asked : undefined
    }
    const running = this.#workers.filter((worker) => worker.running)
    const room = where.room
    const home = room === undefined ? undefined : mostOf(running, (worker) => worker.rooms.get(room) ?? 0)
    return home ?? running.sort((a, b) => a.endpoints.size - b.endpoints.size)[0]
  }
}

/** The element with the largest positive weight, or undefined when all weigh nothing. */
function mostOf<T>(items: readonly T[], weight: (item: T) => number): T | undefined {
  let best: T | undefined
  for (const item of items) if (weight(item) > (best ? weight(best) : 0)) best = item
  return best
}

export type { Pool }

/**
 * Starts the workers.
 * @throws Error with one clear line when a port is taken or an address is not ours; nothing is left running then
 */
export async function startPool(options: PoolOptions): Promise<Pool> {
  const pool = new Pool(options)
  await pool.start()
  return pool
}
