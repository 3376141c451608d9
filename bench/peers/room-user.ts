/** A user of Janus' videoroom who sees everybody else in the room, as users of the load generator do on rostra. */
import { writeAnswer, writeOffer } from '../../src/load/description.js'
import { JanusClient } from '../../src/load/janus-client.js'
import type { Latency } from '../../src/load/latency.js'
import { openPeers, type PeerPool } from '../../src/load/peer.js'
import { readRemote } from '../../src/load/remote.js'
import { nowMicroseconds } from '../../src/load/stamp.js'
import { ask, VIDEO_ROOM } from './janus-api-star.js'

const PLUGIN = 'janus.plugin.videoroom'

export interface RoomTally {
  connections: number
  readonly publishing: Latency
  readonly subscribing: Latency
  /** Called after each connection that came up. */
  up(): void
}

export class VideoroomUser {
  readonly #url: string
  readonly #index: number
  readonly #tally: RoomTally
  readonly #pools: Map<string, PeerPool>
  readonly #seen = new Set<number>()
  readonly #setups: Promise<void>[] = []
  #janus: JanusClient | undefined

  constructor(url: string, index: number, tally: RoomTally, pools: Map<string, PeerPool>) {
    this.#url = url
    this.#index = index
    this.#tally = tally
    this.#pools = pools
  }

  /** Publishes, and subscribes to who is there; who comes later is seen when he comes. */
  async start(): Promise<void> {
    const janus = await JanusClient.open(this.#url)
    this.#janus = janus
    const startedAt = nowMicroseconds()
    const handle = await janus.attach(PLUGIN, ({ plugindata }) => this.#others(plugindata?.data))
    const joined = await ask(handle, { request: 'join', ptype: 'publisher', room: VIDEO_ROOM, id: this.#index + 1 })
    const peer = this.#peers().peer()
    const sdp = writeOffer(peer, { audio: 0x10000 + this.#index })
    const { jsep } = await ask(handle, { request: 'publish' }, { type: 'offer', sdp })
    await peer.connect(readRemote(jsep!.sdp, peer.ip))
    this.#tally.publishing.record(nowMicroseconds() - startedAt)
    this.#up()
    this.#others(joined.plugindata?.data)
  }

  /** Rejects when a subscription failed so far. */
  async settled(): Promise<void> {
    await Promise.all(this.#setups)
  }

  async stop(): Promise<void> {
    await this.#janus?.close()
  }

  #peers(): PeerPool {
    const { localIp } = this.#janus!
    const pool = this.#pools.get(localIp) ?? openPeers(localIp)
    this.#pools.set(localIp, pool)
    return pool
  }

  #others(data: Readonly<Record<string, unknown>> | undefined): void {
    const publishers = (data?.publishers ?? []) as { id: number }[]
    for (const { id } of publishers) {
      if (this.#seen.has(id)) continue
      this.#seen.add(id)
      this.#setups.push(this.#subscribe(id))
    }
  }

  async #subscribe(feed: number): Promise<void> {
    const startedAt = nowMicroseconds()
    const handle = await this.#janus!.attach(PLUGIN, () => {})
    const { jsep } = await ask(handle, { request: 'join', ptype: 'subscriber', room: VIDEO_ROOM, streams: [{ feed }] })
    const peer = this.#peers().peer()
    await ask(handle, { request: 'start' }, { type: 'answer', sdp: writeAnswer(peer, jsep!.sdp) })
    await peer.connect(readRemote(jsep!.sdp, peer.ip))
    this.#tally.subscribing.record(nowMicroseconds() - startedAt)
    this.#up()
  }

  #up(): void {
    this.#tally.connections++
    this.#tally.up()
  }
}
