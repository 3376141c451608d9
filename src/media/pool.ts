/**
 * Media workers as child processes: starts them, starts them again when they die, and hands out endpoints.
 * A worker that dies takes only its own endpoints with it: their observers are told, everybody else goes on.
 */
import {
  type Candidate,
  type Counters,
  type EndpointFigures,
  MAX_ENDPOINTS,
  type MediaSettings,
  type RelayedData,
  type RoomSpeakers,
} from './control.js'
import { Mirrors } from './pool-mirrors.js'
import { contained } from './pool-observer.js'
import type { EndpointObserver, MediaPool, PooledEndpoint, Wanted } from './pool-types.js'
import { WorkerEndpoint } from './pooled-endpoint.js'
import { chooseWorker, roomLoad } from './worker-choice.js'
import { type WorkerEvents, type WorkerOptions, WorkerProcess } from './worker-process.js'

/** How often workers are asked how they are. */
const WATCH_INTERVAL_MS = 2_500
/** How long whoever wants an endpoint may have to wait for the first worker that is started again. */
const READY_TIMEOUT_MS = 2_000

export interface PoolOptions extends WorkerOptions {
  /** Endpoints that one worker may have at once. Default `MAX_ENDPOINTS`, which is also the most. */
  maxEndpoints?: number
}

class Pool implements MediaPool, WorkerEvents {
  readonly #options: PoolOptions
  readonly #workers: WorkerProcess[]
  /** Blocks in force: a worker that starts again gets them all, and so does a room's next endpoint. */
  readonly #blocks = new Map<string, Map<string, [string, string]>>()
  #nextEndpoint = 1
  readonly #mirrors = new Mirrors(() => this.#nextEndpoint++)
  #refused = 0
  #watch: NodeJS.Timeout | undefined
  /** While no worker runs: what those wait for who want to open an endpoint. */
  #ready: Promise<void> | undefined
  #beReady = () => {}

  constructor(options: PoolOptions) {
    this.#options = { ...options, settings: { ...options.settings } }
    this.#workers = Array.from({ length: options.workers }, (_, index) => new WorkerProcess(index, this.#options, this))
  }

  /** Starts all workers. @throws Error with one clear line when one cannot start; then none is left */
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
      Math.min(WATCH_INTERVAL_MS, (this.#options.hangMs ?? Number.POSITIVE_INFINITY) / 4),
    )
    this.#watch.unref()
    this.#mirrors.start()
  }

  get size(): number {
    return this.#workers.length
  }

  get settings(): Readonly<MediaSettings> {
    return this.#options.settings
  }

  configure(settings: MediaSettings): void {
    Object.assign(this.#options.settings, settings)
    for (const worker of this.#workers) worker.send({ kind: 'configure', settings })
  }

  /** Workers that are up now. */
  get running(): number {
    return this.#workers.filter((worker) => worker.running).length
  }

  isRunning(worker: number): boolean {
    return this.#workers[worker]?.running ?? false
  }

  /** Workers that are up now and answer. */
  get well(): number {
    const nowMs = performance.now()
    return this.#workers.filter((worker) => worker.isWell(nowMs)).length
  }

  /** Times that a worker died since the start. */
  get deaths(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.deaths, 0)
  }

  /** Times that an endpoint was wanted and no worker could take it. */
  get refused(): number {
    return this.#refused
  }

  get pids(): (number | undefined)[] {
    return this.#workers.map((worker) => worker.pid)
  }

  /** UDP port of each worker. */
  get ports(): (number | undefined)[] {
    return this.#workers.map((worker) => worker.candidates[0]?.port)
  }

  /** What the system lets wait in a UDP socket each way, in bytes; the least of all workers. */
  get socketBufferBytes(): number {
    return Math.min(...this.#workers.map((worker) => worker.socketBufferBytes))
  }

  /** Candidates of the first worker: the addresses are the same for all. */
  get candidates(): readonly Candidate[] {
    return this.#workers[0]?.candidates ?? []
  }

  open(where: Wanted, observer: EndpointObserver): PooledEndpoint | undefined {
    const worker = this.#choose(where)
    if (!worker) {
      this.#refused++
      return undefined
    }
    const rooms = {
      entered: (room: string) => this.#entered(worker, room),
      left: (room: string) => this.#left(worker, room),
    }
    const { log } = this.#options
    const told = contained(observer, { log, failed: () => endpoint.fail() })
    const endpoint: WorkerEndpoint = new WorkerEndpoint(worker, this.#nextEndpoint++, told, rooms, this.#mirrors)
    return endpoint
  }

  async block(room: string, users: readonly [string, string], blocked: boolean): Promise<void> {
    const pair = [...users].sort() as [string, string]
    const key = JSON.stringify(pair)
    const blocks = this.#blocks.get(room) ?? new Map<string, [string, string]>()
    if (blocked) this.#blocks.set(room, blocks.set(key, pair))
    else if (blocks.delete(key) && blocks.size === 0) this.#blocks.delete(room)
    const command = { kind: 'block', room, users: pair, blocked } as const
    // Where nobody of the room is, it is in force for whoever comes: commands keep their order.
    await Promise.all(
      this.#workers.map((worker) => (worker.rooms.has(room) ? worker.ask(command) : worker.send(command))),
    )
  }

  forget(room: string): void {
    this.#blocks.delete(room)
    for (const worker of this.#workers) worker.send({ kind: 'forget', room })
  }

  counters(): Promise<Counters[]> {
    return Promise.all(this.#workers.map((worker) => worker.counters()))
  }

  async figures(): Promise<EndpointFigures[]> {
    return (await Promise.all(this.#workers.map((worker) => worker.figures()))).flat()
  }

  ready(): Promise<void> {
    if (this.running > 0) return Promise.resolve()
    this.#ready ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#beReady(), READY_TIMEOUT_MS).unref()
      this.#beReady = () => {
        clearTimeout(timer)
        this.#ready = undefined
        resolve()
      }
    })
    return this.#ready
  }

  async close(): Promise<void> {
    clearInterval(this.#watch)
    this.#mirrors.stop()
    this.#beReady()
    await Promise.all(this.#workers.map((worker) => worker.stop()))
  }

  /** A worker came back: it knows nothing yet. */
  revived(worker: WorkerProcess): void {
    for (const [room, blocks] of this.#blocks)
      for (const users of blocks.values()) worker.send({ kind: 'block', room, users, blocked: true })
    this.#beReady()
  }

  #entered(worker: WorkerProcess, room: string): void {
    const count = (worker.rooms.get(room) ?? 0) + 1
    worker.rooms.set(room, count)
    if (count === 1) this.#tellSpread(room)
  }

  #left(worker: WorkerProcess, room: string): void {
    const count = (worker.rooms.get(room) ?? 0) - 1
    if (count > 0) {
      worker.rooms.set(room, count)
      return
    }
    worker.rooms.delete(room)
    // It would keep the room for ever as one that others have too.
    worker.send({ kind: 'spread', room, elsewhere: false })
    this.#tellSpread(room)
  }

  /** Each message crosses once per worker that has its room. */
  relay(from: WorkerProcess, data: RelayedData[], taken: () => void): void {
    const relayed = this.#workers.map((worker) => {
      const theirs = worker === from ? [] : data.filter(({ room }) => worker.rooms.has(room))
      return theirs.length > 0 && worker.ask({ kind: 'relay', data: theirs })
    })
    void Promise.all(relayed).then(taken)
  }

  speakers(from: WorkerProcess, rooms: RoomSpeakers[]): void {
    for (const worker of this.#workers) {
      const theirs = worker === from ? [] : rooms.filter(({ room }) => worker.rooms.has(room))
      if (theirs.length > 0) worker.send({ kind: 'speakers', from: from.index, rooms: theirs })
    }
  }

  #tellSpread(room: string): void {
    const hosts = this.#workers.filter((worker) => worker.rooms.has(room))
    for (const worker of hosts) worker.send({ kind: 'spread', room, elsewhere: hosts.length > 1 })
  }

  #choose({ worker, room, publisher }: Wanted): WorkerProcess | undefined {
    const { maxEndpoints = MAX_ENDPOINTS } = this.#options
    const asked = worker === undefined ? this.#workers : this.#workers.slice(worker, worker + 1)
    const able = asked.filter(({ running, endpoints }) => running && endpoints.size < maxEndpoints)
    const inRoom = publisher instanceof WorkerEndpoint ? publisher.whereabouts?.room : room
    return chooseWorker(
      able.map((worker) => {
        const endpoints = worker.endpoints.size
        const ofRoom = inRoom === undefined ? 0 : (worker.rooms.get(inRoom) ?? 0)
        return {
          worker,
          endpoints,
          belongs: publisher ? this.#followers(publisher, worker) : ofRoom,
          load: Math.max(worker.load.cores(endpoints), endpoints / maxEndpoints, roomLoad(ofRoom)),
        }
      }),
    )
  }

  /** How much speaks for `worker` as that of a subscriber: its publisher lives there, or else has many others there. */
  #followers(publisher: PooledEndpoint, worker: WorkerProcess): number {
    if (publisher.worker === worker.index) return Number.POSITIVE_INFINITY
    return publisher instanceof WorkerEndpoint ? (publisher.mirrors.get(worker)?.followers.size ?? 0) : 0
  }
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
