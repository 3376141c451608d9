/** A run of the load generator: users come, traffic is measured, users go. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Latencies } from './latency.js'
import { connectionsOf, type LoadOptions } from './options.js'
import { openPeers, type PeerPool } from './peer.js'
import { Stamps } from './stamp.js'
import { Tally, type TrafficFigures, type TrafficKind } from './tally.js'
import { type LoadContext, type LoadRoom, LoadUser } from './user.js'

const TICK_MS = 5
/** Between the last connection and measuring: pictures begin with a keyframe that has to be asked for. */
const WARM_UP_MS = 1_000
/** After the last packet was sent, others may still be on their way. */
const DRAIN_LIMIT_MS = 2_000
const DRAIN_STEP_MS = 50

export type LoadPhase = 'coming' | 'measuring' | 'draining' | 'going'

/** How far a run is. */
export interface LoadProgress {
  readonly phase: LoadPhase
  readonly users: number
  readonly joined: number
  readonly connections: number
  /** What was received so far, of the kinds that are measured. */
  readonly received: Readonly<Record<TrafficKind, number>>
  readonly errors: number
}

export interface LoadSummary {
  readonly users: number
  readonly joined: number
  /** PeerConnections that were to come up, and that did. */
  readonly connectionsWanted: number
  readonly connections: number
  /** From the first user to the last connection, or to the end of setting up. */
  readonly setUpMs: number
  readonly joining: Latencies
  readonly publishing: Latencies
  readonly subscribing: Latencies
  /** How long traffic was measured. */
  readonly measuredMs: number
  readonly traffic: Readonly<Record<TrafficKind, TrafficFigures>>
  readonly errors: Readonly<Record<string, number>>
  /** Stopped by its caller before its time. */
  readonly interrupted: boolean
  /** Share of one core that this process was busy with while it measured: near 1, it is the limit. */
  readonly busy: number
}

export class LoadRun {
  readonly #options: LoadOptions
  readonly #tally = new Tally()
  readonly #rooms: LoadRoom[]
  readonly #pools = new Map<string, PeerPool>()
  #users: LoadUser[] = []
  #phase: LoadPhase = 'coming'
  /** Called once, when all connections are up or have failed. */
  onSetUp: (() => void) | undefined

  constructor(options: LoadOptions) {
    this.#options = options
    this.#rooms = Array.from({ length: options.rooms }, (_, index) => ({
      name: `${options.roomPrefix}-${index + 1}`,
      users: new Map(),
    }))
  }

  progress(): LoadProgress {
    const { audio, video, data } = this.#tally.traffic
    return {
      phase: this.#phase,
      users: this.#options.rooms * this.#options.usersPerRoom,
      joined: this.#tally.joined,
      connections: this.#tally.connectedNow,
      received: { audio: audio.received, video: video.received, data: data.received },
      errors: this.#tally.failures,
    }
  }

  /** Does all of it, once. @param signal ends it early, with a summary of what there is */
  async run(signal: AbortSignal): Promise<LoadSummary> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
    const sending = setInterval(() => this.#tick(), TICK_MS)
    const startedMs = performance.now()
    await Promise.race([this.#come(pause, signal), aborted])
    const setUpMs = performance.now() - startedMs
    this.onSetUp?.()
    if (this.#hasTraffic) await pause(WARM_UP_MS)
    this.#phase = 'measuring'
    const measuringMs = performance.now()
    const before = performance.eventLoopUtilization()
    await pause(this.#options.durationMs)
    const measuredMs = performance.now() - measuringMs
    const busy = performance.eventLoopUtilization(before).utilization
    this.#phase = 'draining'
    await this.#drain()
    clearInterval(sending)
    this.#phase = 'going'
    const summary = this.#summary({ setUpMs, measuredMs, busy, interrupted: signal.aborted })
    await Promise.all(this.#users.map((user) => user.stop()))
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()))
    return summary
  }

  get #hasTraffic(): boolean {
    const { audioBytes, videoBps, messagesPerSecond } = this.#options
    return audioBytes > 0 || videoBps > 0 || messagesPerSecond > 0
  }

  /** Users come one after the other, to the rooms in turn; resolves when all connections are up or have failed. */
  async #come(pause: (ms: number) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { rooms, usersPerRoom, rampPerSecond } = this.#options
    const context = this.#context()
    const coming: Promise<void>[] = []
    const firstMs = performance.now()
    for (let index = 0; index < rooms * usersPerRoom && !signal.aborted; index++) {
      const room = this.#rooms[index % rooms]!
      const user = new LoadUser(context, room, index)
      room.users.set(user.id, user)
      this.#users.push(user)
      coming.push(user.start())
      const dueMs = rampPerSecond === 0 ? firstMs : firstMs + ((index + 1) * 1_000) / rampPerSecond
      if (dueMs > performance.now()) await pause(dueMs - performance.now())
    }
    await Promise.all(coming)
    await Promise.all(this.#users.map((user) => user.settled()))
  }

  #context(): LoadContext {
    return {
      options: this.#options,
      stamps: new Stamps(),
      tally: this.#tally,
      measuring: () => this.#phase === 'measuring',
      peers: (localIp) => {
        const known = this.#pools.get(localIp) ?? openPeers(localIp)
        this.#pools.set(localIp, known)
        return known
      },
    }
  }

  #tick(): void {
    const nowMs = performance.now()
    for (const user of this.#users) user.tick(nowMs)
    for (const pool of this.#pools.values()) pool.flush()
  }

  /** Resolves when everything has come, or when nothing more did for a while. */
  async #drain(): Promise<void> {
    const kinds = Object.values(this.#tally.traffic)
    const limitMs = performance.now() + DRAIN_LIMIT_MS
    while (performance.now() < limitMs && !kinds.every(({ isComplete }) => isComplete)) await sleep(DRAIN_STEP_MS)
  }

  #summary(times: Pick<LoadSummary, 'setUpMs' | 'measuredMs' | 'busy' | 'interrupted'>): LoadSummary {
    const { joined, connected, joining, publishing, subscribing, traffic, errors } = this.#tally
    return {
      users: this.#options.rooms * this.#options.usersPerRoom,
      joined,
      connectionsWanted: connectionsOf(this.#options),
      connections: connected,
      joining: joining.read(),
      publishing: publishing.read(),
      subscribing: subscribing.read(),
      traffic: { audio: traffic.audio.read(), video: traffic.video.read(), data: traffic.data.read() },
      errors: Object.fromEntries(errors),
      ...times,
    }
  }
}

/** Whether everything came up and nothing was lost that may not be: packets may. */
export function succeeded(summary: LoadSummary, reliable: boolean): boolean {
  const { users, joined, connections, connectionsWanted, errors, traffic, interrupted } = summary
  if (Object.keys(errors).length > 0) return false
  const whole = joined === users && connections === connectionsWanted
  const silent = Object.values(traffic).some(({ expected, received }) => expected > 0 && received === 0)
  const lost = reliable && traffic.data.received < traffic.data.expected
  return (whole || interrupted) && !silent && !lost
}
