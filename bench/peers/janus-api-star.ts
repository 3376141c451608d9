/** A star on a server that speaks the Janus API: rostra and Janus' videoroom, each with the words of its plugin. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ClientChannel, reliable } from '../../src/load/channel.js'
import { writeAnswer, writeOffer } from '../../src/load/description.js'
import { JanusClient, type JanusClientHandle, type JanusReply } from '../../src/load/janus-client.js'
import type { Latency } from '../../src/load/latency.js'
import { type ClientPeer, openPeers, type PeerPool } from '../../src/load/peer.js'
import { readRemote } from '../../src/load/remote.js'
import { nowMicroseconds, Stamps } from '../../src/load/stamp.js'
import { PICTURE_SSRC, Pictures } from './pictures.js'
import type { Star } from './star.js'

/** How a plugin is asked for the same thing. */
export interface Words {
  readonly plugin: string
  /** Before the publisher offers; undefined: nothing. */
  readonly join?: object
  /** Goes with the publisher's offer. */
  readonly publish: object
  /** After it; undefined: nothing. */
  readonly published?: object
  /** A receiver's question for an offer. */
  subscribe(index: number, publisher: JanusReply): object
  /** Goes with its answer. */
  readonly start: object
}

export const sfuWords = (room = 'bench'): Words => ({
  plugin: 'janus.plugin.sfu',
  publish: {},
  published: { kind: 'join', room_id: room, user_id: 'publisher' },
  subscribe: (index) => ({
    kind: 'join',
    room_id: room,
    user_id: `subscriber-${index}`,
    subscribe: { media: 'publisher' },
  }),
  start: {},
})

export const VIDEO_ROOM = 1
const PUBLISHER_ID = 1

export const videoroomWords: Words = {
  plugin: 'janus.plugin.videoroom',
  join: { request: 'join', ptype: 'publisher', room: VIDEO_ROOM, id: PUBLISHER_ID },
  publish: { request: 'publish' },
  subscribe: () => ({ request: 'join', ptype: 'subscriber', room: VIDEO_ROOM, streams: [{ feed: PUBLISHER_ID }] }),
  start: { request: 'start' },
}

/** A server that was started for a bench. */
export interface StartedServer {
  readonly name: string
  readonly url: string
  readonly pids: readonly number[]
  stop(): Promise<unknown>
}

/** Receivers that are set up at once. */
const AT_ONCE = 8
const UP_WITHIN_MS = 20_000

export class JanusApiStar implements Star {
  readonly name: string
  readonly pids: readonly number[]
  readonly #server: StartedServer
  readonly #words: Words
  readonly #janus: JanusClient
  readonly #peers: PeerPool
  readonly #receivers: ClientPeer[] = []
  readonly #stamps = new Stamps()
  readonly #channels: ClientChannel[] | undefined
  #pictures: Pictures | undefined
  #published: JanusReply | undefined

  private constructor(server: StartedServer, words: Words, janus: JanusClient, withChannels: boolean) {
    this.name = server.name
    this.pids = server.pids
    this.#server = server
    this.#words = words
    this.#janus = janus
    this.#peers = openPeers(janus.localIp)
    this.#channels = withChannels ? [] : undefined
  }

  /** Takes the server over: `close` stops it. @param withChannels receivers have a data channel open as well */
  static async open(server: StartedServer, words: Words, withChannels = false): Promise<JanusApiStar> {
    const star = new JanusApiStar(server, words, await JanusClient.open(server.url), withChannels)
    try {
      await star.#publish()
    } catch (error) {
      await star.close()
      throw error
    }
    return star
  }

  async grow(receivers: number): Promise<void> {
    while (this.#receivers.length < receivers) {
      const from = this.#receivers.length
      const count = Math.min(AT_ONCE, receivers - from)
      const added = await Promise.all(Array.from({ length: count }, (_, index) => this.#subscribe(from + index)))
      this.#receivers.push(...added)
    }
  }

  send(payloadBytes: number): void {
    this.#pictures!.send(payloadBytes)
  }

  flush(): void {
    this.#peers.flush()
  }

  received(): number {
    let sum = 0
    for (const { rtpPackets } of this.#receivers) sum += rtpPackets
    return sum
  }

  async close(): Promise<void> {
    for (const channel of this.#channels ?? []) channel.close()
    await this.#janus.close()
    await this.#peers.close()
    await this.#server.stop()
  }

  async #publish(): Promise<void> {
    const { plugin, join, publish, published } = this.#words
    let isUp: () => void = () => {}
    const up = new Promise<void>((resolve) => (isUp = resolve))
    const handle = await this.#janus.attach(plugin, ({ janus }) => janus === 'webrtcup' && isUp())
    if (join) await ask(handle, join)
    const peer = this.#peers.peer()
    const reply = await ask(handle, publish, { type: 'offer', sdp: writeOffer(peer, { video: PICTURE_SSRC }) })
    // Videoroom has no such feed before its own side is up as well.
    await Promise.all([peer.connect(readRemote(reply.jsep!.sdp, peer.ip)), Promise.race([up, lateForUp()])])
    this.#published = published ? await ask(handle, published) : reply
    this.#pictures = new Pictures(peer, this.#stamps)
  }

  async #subscribe(index: number): Promise<ClientPeer> {
    const { plugin, subscribe, start } = this.#words
    const handle = await this.#janus.attach(plugin, () => {})
    const { jsep } = await ask(handle, subscribe(index, this.#published!))
    const peer = this.#peers.peer()
    await ask(handle, start, { type: 'answer', sdp: writeAnswer(peer, jsep!.sdp) })
    await peer.connect(readRemote(jsep!.sdp, peer.ip))
    if (this.#channels) this.#channels.push(await openChannel(peer))
    return peer
  }

  /** Packets are looked into from now on, or no more. */
  watch(read: Latency | undefined, arrived?: Latency): boolean {
    for (const peer of this.#receivers) {
      peer.onRtp =
        read &&
        (({ payloadOffset, payloadLength }, bytes, arrivedMicros) => {
          const stamp = this.#stamps.read(bytes, payloadOffset, payloadLength)
          if (!stamp) return
          read.record(nowMicroseconds() - stamp.sentAtMicros)
          arrived?.record(arrivedMicros - stamp.sentAtMicros)
        })
    }
    return true
  }
}

async function lateForUp(): Promise<never> {
  await sleep(UP_WITHIN_MS, undefined, { ref: false })
  throw new Error(`a publisher is not up after ${UP_WITHIN_MS} ms`)
}

function openChannel(peer: ClientPeer): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const channel = new ClientChannel(peer, reliable, {
      message: () => {},
      opened: () => resolve(channel),
      closed: () => reject(new Error('the data channel was closed')),
    })
    channel.send(new Uint8Array(1))
    peer.flush()
  })
}

/** @throws Error when the plugin refuses */
export async function ask(
  handle: JanusClientHandle,
  body: object,
  jsep?: { type: 'offer' | 'answer'; sdp: string },
): Promise<JanusReply> {
  const reply = await handle.message(body, jsep)
  const data = reply.plugindata?.data
  if (data?.error !== undefined || data?.success === false)
    throw new Error(`${JSON.stringify(body)}: ${JSON.stringify(data)}`)
  return reply
}
