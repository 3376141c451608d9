/**
 * Publishers and viewers around real media workers, on a network in virtual time.
 *
 * ```ts
 * scenario('…', { seeds: [1, 2], conditions: { loss: 0.05, delayMs: 20 } }, (stage) => {
 *   const speaker = stage.publisher({ video: true })
 *   const viewer = stage.viewer(speaker)
 *   stage.connect()
 *   speaker.sendFrames(500)
 *   stage.run(25_000)
 *   assert.equal(viewer.video.frames.length, 500)
 * })
 * ```
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command, Counters, IceCredentials, Report, WorkerLimits } from '../../../src/media/control.js'
import { openSimulatedIo } from '../../../src/media/io/simulated.js'
import {
  type LinkConditions,
  type SimulatedAddress,
  SimulatedNetwork,
} from '../../../src/media/io/simulated-network.js'
import { MediaWorker } from '../../../src/media/worker.js'
import { Client, type ClientOptions } from './client.js'
import { StageMirrors } from './mirrors.js'
import { Publisher, type PublisherOptions } from './publisher.js'
import { Viewer, type ViewerOptions } from './viewer.js'

export interface StageOptions {
  /** Of every link that is not set otherwise. */
  conditions?: Partial<LinkConditions>
  /** Default 1. */
  workers?: number
  /** Chance of the workers, given the network's; default the same. */
  random?: (random: () => number) => number
  limits?: Partial<WorkerLimits>
  /** Of the way that packets take from worker to worker; default perfect. */
  relay?: Partial<LinkConditions>
  /** How long data messages take from one worker to the others; default 0. */
  relayDelayMs?: number
}

export interface ScenarioOptions extends StageOptions {
  /** One run for each; default 1. */
  seeds?: readonly number[]
  /** Bugs that are reported are what the scenario is about. */
  expectsBugs?: boolean
}

const defaultLimits: WorkerLimits = { dataBufferBytes: 1 << 20, maxMessageBytes: 1 << 16, maxPublisherBps: 2_500_000 }

/** A worker and what the main process would see of it. */
export class StageWorker {
  readonly media: MediaWorker
  readonly address: SimulatedAddress
  readonly relayPort: number
  readonly reports: { atMs: number; report: Report }[] = []
  /** What was captured, by file. */
  readonly captured = new Map<string, { incoming: boolean; bytes: Uint8Array }[]>()
  /** How often its timer rang. */
  wakes = 0
  /** When its timer rings next; Infinity when it is not set. */
  alarmMs = Number.POSITIVE_INFINITY

  constructor(stage: Stage, index: number, options: StageOptions) {
    const { net } = stage
    const alarm = net.alarm()
    const random = options.random
    this.media = new MediaWorker(
      {
        openIo: (ioOptions, onBatch) => openSimulatedIo(net, ioOptions, onBatch),
        nowMs: net.clock,
        random: random ? () => random(net.random) >>> 0 : net.random,
        report: (report) => {
          this.reports.push({ atMs: net.nowMs, report: structuredClone(report) })
          stage.reported(this, report)
        },
        openCapture: ({ file }) => {
          const packets: { incoming: boolean; bytes: Uint8Array }[] = []
          this.captured.set(file, packets)
          return {
            write: (incoming, bytes, offset, length) =>
              packets.push({ incoming, bytes: bytes.slice(offset, offset + length) }) > 0,
            close: () => Promise.resolve(),
          }
        },
        wakeAt: (atMs, wake) => {
          this.alarmMs = atMs
          alarm(atMs, () => {
            this.alarmMs = Number.POSITIVE_INFINITY
            this.wakes++
            wake()
          })
        },
      },
      { ...defaultLimits, ...options.limits },
    )
    this.relayPort = this.media.openRelay()
    this.address = { ip: '10.0.0.1', port: this.media.io.listen('10.0.0.1', 20_000 + index).port }
  }

  /** As over the fork channel: the worker gets a copy. */
  command(command: Command): void {
    this.media.command(structuredClone(command))
  }

  get counters(): Counters {
    return this.media.counters()
  }

  get bugs(): string[] {
    return this.reports.flatMap(({ report }) => (report.kind === 'bug' ? [report.error] : []))
  }
}

export class Stage {
  readonly net: SimulatedNetwork
  readonly workers: StageWorker[]
  readonly clients: Client[] = []
  readonly mirrors: StageMirrors
  readonly #relayDelayMs: number
  #nextId = 1

  constructor(seed: number, options: StageOptions = {}) {
    // Every host has a clock of its own: 0 is a time that hides mistakes.
    this.net = new SimulatedNetwork({
      seed,
      nowMs: 1000,
      ...(options.conditions && { conditions: options.conditions }),
    })
    this.mirrors = new StageMirrors(this)
    const perfect = { loss: 0, delayMs: 0, jitterMs: 0, reorder: 0, duplicate: 0 }
    this.net.link('127.0.0.1', '127.0.0.1', { ...perfect, ...options.relay })
    this.#relayDelayMs = options.relayDelayMs ?? 0
    this.workers = Array.from({ length: options.workers ?? 1 }, (_, index) => new StageWorker(this, index, options))
  }

  get worker(): StageWorker {
    return this.workers[0]!
  }

  get nowMs(): number {
    return this.net.nowMs
  }

  publisher(options: PublisherOptions = {}): Publisher {
    return this.#add(new Publisher(this, options))
  }

  /** Somebody who gets what `publisher` sends, if the server lets them. */
  viewer(publisher: Publisher, options: ViewerOptions = {}): Viewer {
    return this.#add(new Viewer(this, publisher, options))
  }

  client(options: ClientOptions = {}): Client {
    const client = this.#add(new Client(this, options))
    if (client.room !== null) client.place(client.room)
    return client
  }

  /** Until all who are there are connected. */
  connect(): void {
    this.net.runUntil(() => this.clients.every(({ connected }) => connected))
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    this.net.run({ untilMs: this.nowMs + ms })
  }

  runUntil(done: () => boolean, timeoutMs?: number): void {
    this.net.runUntil(done, timeoutMs)
  }

  block(a: Client, b: Client, blocked: boolean, room = 'hall'): void {
    for (const worker of this.workers) worker.command({ kind: 'block', room, users: [a.user, b.user], blocked })
  }

  nextId(): number {
    return this.#nextId++
  }

  newCredentials(): IceCredentials {
    const hex = () => this.net.random().toString(16).padStart(8, '0')
    return { ufrag: hex(), pwd: hex() + hex() + hex() }
  }

  /** The main process' part of the data relay, and of what workers tell each other about speakers. */
  reported(from: StageWorker, report: Report): void {
    if (report.kind === 'speakers') {
      const command = {
        kind: 'speakers',
        from: this.workers.indexOf(from),
        rooms: structuredClone(report.rooms),
      } as const
      this.net.schedule(this.nowMs + this.#relayDelayMs, () => {
        for (const worker of this.workers) if (worker !== from) worker.command(command)
      })
    }
    this.mirrors.reported(structuredClone(report))
    if (report.kind !== 'relay') return
    const { batch, data } = structuredClone(report)
    this.net.schedule(this.nowMs + this.#relayDelayMs, () => {
      for (const worker of this.workers) if (worker !== from) worker.command({ kind: 'relay', data })
      from.command({ kind: 'relayed', batch })
    })
  }

  /** Ends everything and looks at what is left. */
  async close(expectsBugs = false): Promise<void> {
    for (const worker of this.workers) {
      if (!expectsBugs) assert.deepEqual(worker.bugs, [])
      await worker.media.close()
      const { live } = worker.counters
      assert.deepEqual(
        Object.entries({ ...live, rooms: 0 }).filter(([, count]) => count !== 0),
        [],
        'nothing is alive after close',
      )
      assert.equal(worker.alarmMs, Number.POSITIVE_INFINITY, 'no timer is set after close')
    }
  }

  #add<C extends Client>(client: C): C {
    this.clients.push(client)
    return client
  }
}

/** One test for each seed. Whatever a scenario is about, no bug may be reported and nothing may be left after it. */
export function scenario(name: string, options: ScenarioOptions, play: (stage: Stage) => void | Promise<void>): void {
  const { seeds = [1] } = options
  for (const seed of seeds) {
    test(seeds.length > 1 ? `${name} (seed ${seed})` : name, async () => {
      const stage = new Stage(seed, options)
      await play(stage)
      await stage.close(options.expectsBugs)
    })
  }
}
