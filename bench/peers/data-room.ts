/** A room where everybody talks to everybody over two data channels, and what has become of each message. */
import { ClientChannel, reliable, unreliable } from '../../src/load/channel.js'
import { writeOffer } from '../../src/load/description.js'
import { JanusClient } from '../../src/load/janus-client.js'
import { Latency } from '../../src/load/latency.js'
import { openPeers, type PeerPool } from '../../src/load/peer.js'
import { readRemote } from '../../src/load/remote.js'
import { nowMicroseconds } from '../../src/load/stamp.js'
import { ask, type StartedServer } from './janus-api-star.js'

const PLUGIN = 'janus.plugin.sfu'
const MESSAGE_BYTES = 100
const UP_WITHIN_MS = 60_000

export const kinds = ['reliable', 'unreliable'] as const
export type Kind = (typeof kinds)[number]
const channels = { reliable, unreliable }

/** What one kind of messages has come to so far. */
export class Tally {
  /** Messages, and how many deliveries should come of them. */
  sent = 0
  expected = 0
  delivered = 0
  /** Came twice, or on a channel that keeps the order before an earlier one. */
  wrong = 0
  /** The client's own association refused. */
  refused = 0
  readonly latency = new Latency()
}

/**
 * ```
 *  0       4       8       12      16              24        100
 * +-------+-------+-------+-------+---------------+-----------+
 * | "soak"|sender | seq   |   0   | time, µs (f64)|  zeros    |   big-endian; seq counts from 0 per sender and kind
 * +-------+-------+-------+-------+---------------+-----------+
 * ```
 */
const MAGIC = 0x736f616b

export class DataRoom {
  readonly pids: readonly number[]
  readonly tallies: Readonly<Record<Kind, Tally>> = { reliable: new Tally(), unreliable: new Tally() }
  /** Channels that the server closed. */
  closed = 0
  readonly #server: StartedServer
  readonly #janus: JanusClient
  readonly #peers: PeerPool
  readonly #users: { channel: ClientChannel; nextSeq: Record<Kind, number>; heard: Record<Kind, Heard[]> }[] = []

  private constructor(server: StartedServer, janus: JanusClient) {
    this.#server = server
    this.pids = server.pids
    this.#janus = janus
    this.#peers = openPeers(janus.localIp)
  }

  /** Takes the server over: `close` stops it. */
  static async open(server: StartedServer, users: number): Promise<DataRoom> {
    let janus: JanusClient
    try {
      janus = await JanusClient.open(server.url)
    } catch (error) {
      await server.stop()
      throw error
    }
    const room = new DataRoom(server, janus)
    try {
      for (let index = 0; index < users; index++) await room.#enter(index, users)
    } catch (error) {
      await room.close()
      throw error
    }
    return room
  }

  /** One message of a user to all others. */
  say(user: number, kind: Kind): void {
    const { channel, nextSeq } = this.#users[user]!
    const message = new Uint8Array(MESSAGE_BYTES)
    const view = new DataView(message.buffer)
    view.setUint32(0, MAGIC)
    view.setUint32(4, user)
    view.setUint32(8, nextSeq[kind])
    view.setFloat64(16, nowMicroseconds())
    const tally = this.tallies[kind]
    if (channel.send(message, true, channels[kind]) !== 'sent') {
      tally.refused++
      return
    }
    nextSeq[kind]++
    tally.sent++
    tally.expected += this.#users.length - 1
  }

  flush(): void {
    this.#peers.flush()
  }

  async close(): Promise<void> {
    for (const { channel } of this.#users) channel.close()
    await this.#janus.close()
    await this.#peers.close()
    await this.#server.stop()
  }

  async #enter(index: number, users: number): Promise<void> {
    const handle = await this.#janus.attach(PLUGIN, () => {})
    const peer = this.#peers.peer()
    const { jsep } = await ask(handle, {}, { type: 'offer', sdp: writeOffer(peer, {}) })
    await peer.connect(readRemote(jsep!.sdp, peer.ip))
    let opened = 0
    let bothOpen: () => void = () => {}
    const open = new Promise<void>((resolve, reject) => {
      bothOpen = resolve
      setTimeout(() => reject(new Error('a data channel does not open')), UP_WITHIN_MS).unref()
    })
    const channel = new ClientChannel(peer, reliable, {
      message: (payload, { label }) =>
        this.#heard(index, label === reliable.label ? 'reliable' : 'unreliable', payload),
      opened: () => ++opened === kinds.length && bothOpen(),
      closed: () => {
        this.closed++
      },
    })
    // The first message opens a channel, and says nothing.
    for (const kind of kinds) channel.send(new Uint8Array(1), true, channels[kind])
    peer.flush()
    await open
    const heard = () => Array.from({ length: users }, () => new Heard())
    this.#users.push({
      channel,
      nextSeq: { reliable: 0, unreliable: 0 },
      heard: { reliable: heard(), unreliable: heard() },
    })
    await ask(handle, { kind: 'join', room_id: 'soak', user_id: `user-${index}`, subscribe: { data: true } })
  }

  #heard(user: number, kind: Kind, payload: Uint8Array): void {
    if (payload.length !== MESSAGE_BYTES) return
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
    if (view.getUint32(0) !== MAGIC) return
    const tally = this.tallies[kind]
    const heard = this.#users[user]!.heard[kind][view.getUint32(4)]!
    if (!heard.take(view.getUint32(8), kind === 'reliable')) {
      tally.wrong++
      return
    }
    tally.delivered++
    tally.latency.record(nowMicroseconds() - view.getFloat64(16))
  }
}

/** Which messages of one sender have come to one receiver. */
class Heard {
  #next = 0
  #bits = new Uint8Array(64)

  /** @returns false for one that came before, or with `inOrder` is not the next */
  take(seq: number, inOrder: boolean): boolean {
    if (inOrder) {
      if (seq !== this.#next) return false
      this.#next++
      return true
    }
    const byte = seq >>> 3
    const bit = 1 << (seq & 7)
    if (byte >= this.#bits.length) {
      const more = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2))
      more.set(this.#bits)
      this.#bits = more
    }
    if ((this.#bits[byte]! & bit) !== 0) return false
    this.#bits[byte]! |= bit
    return true
  }
}
