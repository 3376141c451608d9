/** One who sends messages over a data channel, and many who get them over theirs: rostra and Janus' textroom. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ClientChannel, reliable } from '../../src/load/channel.js'
import { writeAnswer, writeOffer } from '../../src/load/description.js'
import { JanusClient } from '../../src/load/janus-client.js'
import type { Latency } from '../../src/load/latency.js'
import { type ClientPeer, openPeers, type PeerPool } from '../../src/load/peer.js'
import { readRemote } from '../../src/load/remote.js'
import { nowMicroseconds } from '../../src/load/stamp.js'
import type { ChannelParameters } from '../../src/media/control.js'
import { ask, type StartedServer, VIDEO_ROOM } from './janus-api-star.js'
import type { Star } from './star.js'

/** Before the time of sending in a message, in µs: text, as textroom takes nothing else. */
const MARK = Buffer.from('~T')
const DIGITS = 16
const OPEN_WITHIN_MS = 60_000
/** Connections that are set up at once. */
const AT_ONCE = 8

/** How a plugin is talked with over data channels. */
export interface DataWords {
  readonly plugin: string
  readonly channel: ChannelParameters
  /** Brings one more user into the room; its channel is open when this resolves. */
  enter(stage: DataStage, index: number): Promise<DataUser>
  /** What a message of `bytes` looks like around its text, which begins with the mark. */
  around(bytes: number): { before: string; filler: number; after: string }
}

export interface DataStage {
  readonly janus: JanusClient
  readonly peers: PeerPool
  /** Opens a channel on a peer that is up. @param heard gets every message */
  open(peer: ClientPeer): Promise<DataUser>
}

export interface DataUser {
  readonly channel: ClientChannel
  /** Texts that came and are not of the measurement, until somebody asks for one. */
  next(pattern: RegExp): Promise<string>
}

export const sfuData: DataWords = {
  plugin: 'janus.plugin.sfu',
  channel: reliable,
  async enter({ janus, peers, open }, index) {
    const handle = await janus.attach(sfuData.plugin, () => {})
    const peer = peers.peer()
    const { jsep } = await ask(handle, {}, { type: 'offer', sdp: writeOffer(peer, {}) })
    await peer.connect(readRemote(jsep!.sdp, peer.ip))
    const user = await open(peer)
    await ask(handle, { kind: 'join', room_id: 'data', user_id: `user-${index}`, subscribe: { data: true } })
    return user
  },
  around: (bytes) => ({ before: '', filler: bytes, after: '' }),
}

const textMessage = `{"textroom":"message","transaction":"m","room":${VIDEO_ROOM},"ack":false,"text":"`

export const textroomData: DataWords = {
  plugin: 'janus.plugin.textroom',
  channel: { label: 'JanusDataChannel', protocol: '', ordered: true },
  async enter({ janus, peers, open }, index) {
    const handle = await janus.attach(textroomData.plugin, () => {})
    const { jsep } = await ask(handle, { request: 'setup' })
    const peer = peers.peer()
    await ask(handle, { request: 'ack' }, { type: 'answer', sdp: writeAnswer(peer, jsep!.sdp) })
    await peer.connect(readRemote(jsep!.sdp, peer.ip))
    const user = await open(peer)
    const joined = user.next(new RegExp(`"transaction":\\s*"join-${index}"`))
    const join = { textroom: 'join', transaction: `join-${index}`, room: VIDEO_ROOM, username: `user-${index}` }
    user.channel.send(Buffer.from(JSON.stringify(join)), false)
    peer.flush()
    const reply = await joined
    if (!reply.includes('"success"')) throw new Error(`textroom: ${reply}`)
    return user
  },
  around: (bytes) => ({ before: textMessage, filler: bytes - textMessage.length - 2, after: '"}' }),
}

export class DataStar implements Star {
  readonly name: string
  readonly pids: readonly number[]
  readonly #server: StartedServer
  readonly #words: DataWords
  readonly #stage: DataStage
  readonly #users: DataUser[] = []
  #received = 0
  #latency: Latency | undefined

  private constructor(server: StartedServer, words: DataWords, janus: JanusClient) {
    this.name = server.name
    this.pids = server.pids
    this.#server = server
    this.#words = words
    this.#stage = { janus, peers: openPeers(janus.localIp), open: (peer) => this.#open(peer) }
  }

  /** Takes the server over: `close` stops it. */
  static async open(server: StartedServer, words: DataWords): Promise<DataStar> {
    const star = new DataStar(server, words, await JanusClient.open(server.url))
    star.#users.push(await words.enter(star.#stage, 0))
    return star
  }

  /** The first user is who sends. */
  async grow(receivers: number): Promise<void> {
    while (this.#users.length < receivers + 1) {
      const from = this.#users.length
      const count = Math.min(AT_ONCE, receivers + 1 - from)
      const enter = (_: unknown, index: number) => this.#words.enter(this.#stage, from + index)
      this.#users.push(...(await Promise.all(Array.from({ length: count }, enter))))
    }
    // What others are told of who came is over.
    await sleep(200)
  }

  send(payloadBytes: number): void {
    const { before, filler, after } = this.#words.around(payloadBytes)
    const stamp = `${MARK}${String(Math.round(nowMicroseconds())).padStart(DIGITS, '0')}`
    const message = Buffer.from(`${before}${stamp.padEnd(filler, 'x')}${after}`, 'latin1')
    this.#users[0]!.channel.send(message, false)
  }

  flush(): void {
    this.#stage.peers.flush()
  }

  received(): number {
    return this.#received
  }

  watch(latency: Latency | undefined): boolean {
    this.#latency = latency
    return true
  }

  async close(): Promise<void> {
    for (const { channel } of this.#users) channel.close()
    await this.#stage.janus.close()
    await this.#stage.peers.close()
    await this.#server.stop()
  }

  async #open(peer: ClientPeer): Promise<DataUser> {
    const isSender = this.#users.length === 0
    const waiting: { pattern: RegExp; resolve: (text: string) => void }[] = []
    let opened: () => void = () => {}
    const isOpen = new Promise<void>((resolve) => (opened = resolve))
    const channel = new ClientChannel(peer, this.#words.channel, {
      message: (payload) => {
        const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
        const at = bytes.indexOf(MARK)
        // Textroom tells the sender as well, who does not count.
        if (at >= 0 && isSender) return
        if (at >= 0) return this.#came(bytes, at + MARK.length)
        const text = bytes.toString()
        const index = waiting.findIndex(({ pattern }) => pattern.test(text))
        if (index >= 0) waiting.splice(index, 1)[0]!.resolve(text)
      },
      opened: () => opened(),
      closed: () => {},
    })
    // The first message opens it, and says nothing.
    channel.send(Buffer.from('{}'), false)
    peer.flush()
    await inTime(isOpen)
    const next = (pattern: RegExp) => inTime(new Promise<string>((resolve) => waiting.push({ pattern, resolve })))
    return { channel, next }
  }

  #came(bytes: Buffer, at: number): void {
    this.#received++
    if (!this.#latency) return
    let sentAt = 0
    for (let digit = at; digit < at + DIGITS; digit++) sentAt = sentAt * 10 + bytes[digit]! - 48
    this.#latency.record(nowMicroseconds() - sentAt)
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('a data channel does not answer')), OPEN_WITHIN_MS)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
