/**
 * One user of the load generator, who does what naf-janus-adapter does: offers, waits until the connection is up,
 * opens a data channel, joins, and subscribes to each of the others with a handle and a connection of its own.
 */
import { ClientChannel, reliable, unreliable } from './channel.js'
import { writeAnswer, writeOffer } from './description.js'
import { isOwnAddress, plainIp } from './ip.js'
import { JanusClient, type JanusClientHandle, type JanusReply } from './janus-client.js'
import type { LoadOptions } from './options.js'
import type { ClientPeer, PeerPool } from './peer.js'
import { readRemote } from './remote.js'
import { AudioSource, type SourceContext, VideoSource } from './sources.js'
import { nowMicroseconds, type Stamps } from './stamp.js'
import type { Tally } from './tally.js'

const PLUGIN = 'janus.plugin.sfu'
const UP_WITHIN_MS = 30_000

/** What users of one run share. */
export interface LoadContext {
  readonly options: LoadOptions
  readonly stamps: Stamps
  readonly tally: Tally
  /** Sockets of peers, by the address of this machine that they are on. */
  peers(localIp: string): PeerPool
  measuring(): boolean
}

/** Users of one room by their ids. */
export interface LoadRoom {
  readonly name: string
  readonly users: Map<string, LoadUser>
}

/** Sender of a stamp: twice the index of the user, and one more for pictures. */
const senderOf = (index: number, kind: 'audio' | 'video') => index * 2 + Number(kind === 'video')

export class LoadUser {
  readonly id: string
  /** Connections that get what this user sends. */
  viewers = 0
  /** Its data channel is up and it has joined. */
  hearsData = false
  readonly #index: number
  readonly #context: LoadContext
  readonly #room: LoadRoom
  readonly #views = new Set<string>()
  readonly #sources: { send(nowMs: number): number }[] = []
  readonly #setups: Promise<void>[] = []
  #janus: JanusClient | undefined
  #peers: PeerPool | undefined
  #channel: ClientChannel | undefined
  #messageDueMs = Number.POSITIVE_INFINITY
  readonly #stop = new AbortController()

  /** @param index of the user in the run */
  constructor(context: LoadContext, room: LoadRoom, index: number) {
    this.#context = context
    this.#room = room
    this.#index = index
    this.id = `load-${index + 1}`
  }

  /** Comes into the room; resolves when it has joined. What goes wrong is counted. */
  async start(): Promise<void> {
    const { options, tally } = this.#context
    const startedAt = nowMicroseconds()
    try {
      const janus = await JanusClient.open(options.url, options.apiSecret, this.#stop.signal)
      this.#janus = janus
      // `stop` had no session to close.
      if (this.#stopping) return await janus.close()
      janus.onLost = (why) => this.#lost(why)
      this.#peers = this.#context.peers(plainIp(janus.localIp))
      const events = new Pushes()
      const handle = await janus.attach(PLUGIN, (message) => {
        events.take(message)
        this.#pushed(message)
      })
      if (this.#stopping) return
      await this.#publish(handle, events)
      if (this.#stopping) return
      const { plugindata } = await handle.message(this.#joinBody({ notifications: true, data: true }))
      const others = usersIn(plugindata, this.#room.name)
      tally.joining.record(nowMicroseconds() - startedAt)
      tally.joined++
      this.hearsData = this.#channel !== undefined
      for (const user of others) this.#see(user)
    } catch (error) {
      this.#lost(messageOf(error))
    }
  }

  /** Resolves when every connection that was begun is up or has failed. */
  async settled(): Promise<void> {
    for (let done = 0; done < this.#setups.length; ) {
      const batch = this.#setups.slice(done)
      done += batch.length
      await Promise.all(batch)
    }
  }

  /** Sends what is due. */
  tick(nowMs: number): void {
    for (const source of this.#sources) source.send(nowMs)
    const { messagesPerSecond } = this.#context.options
    for (; this.#messageDueMs <= nowMs; this.#messageDueMs += 1_000 / messagesPerSecond) this.#say()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#channel?.close()
    await this.#janus?.close()
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted
  }

  async #publish(handle: JanusClientHandle, events: Pushes): Promise<void> {
    const { audioBytes, videoBps, messagesPerSecond } = this.#context.options
    const { tally } = this.#context
    const startedAt = nowMicroseconds()
    const peer = this.#peers!.peer()
    const ssrcs = {
      ...(audioBytes > 0 && { audio: 0x10000 + senderOf(this.#index, 'audio') }),
      ...(videoBps > 0 && { video: 0x10000 + senderOf(this.#index, 'video') }),
    }
    const up = events.next('webrtcup')
    const { jsep, plugindata } = await handle.message({}, { type: 'offer', sdp: writeOffer(peer, ssrcs) })
    if (!jsep) throw new Error(refusal(plugindata?.data) ?? 'no answer to the offer')
    await within(Promise.all([peer.connect(this.#remote(peer, jsep.sdp)), up]), 'publisher')
    tally.publishing.record(nowMicroseconds() - startedAt)
    this.#isUp(peer)
    if (messagesPerSecond > 0) await this.#openChannel(peer)
    if (ssrcs.audio !== undefined) {
      this.#sources.push(new AudioSource(this.#source(peer, 'audio'), ssrcs.audio, audioBytes))
    }
    if (ssrcs.video !== undefined) {
      this.#sources.push(new VideoSource(this.#source(peer, 'video'), ssrcs.video, videoBps))
    }
  }

  #source(peer: ClientPeer, kind: 'audio' | 'video'): SourceContext {
    const { stamps, tally, measuring } = this.#context
    const counted = (bytes: number) => tally.traffic[kind].left(bytes, this.viewers)
    return { peer, stamps, sender: senderOf(this.#index, kind), measuring, counted }
  }

  async #openChannel(peer: ClientPeer): Promise<void> {
    const { options, stamps, tally } = this.#context
    const { messagesPerSecond } = options
    const opened = new Promise<void>((resolve, reject) => {
      this.#channel = new ClientChannel(peer, options.reliable ? reliable : unreliable, {
        message: (payload) => {
          const stamp = stamps.read(payload, 0, payload.length)
          if (stamp === undefined || stamp.seq === 0) return
          tally.traffic.data.came(payload.length, nowMicroseconds() - stamp.sentAtMicros)
        },
        opened: resolve,
        closed: () => {
          reject(new Error('the data channel was closed by the server'))
          if (!this.#stopping && this.hearsData) tally.failed('a data channel was closed by the server')
          this.hearsData = false
        },
      })
    })
    // The first message opens the channel; nobody gets it, as nobody has joined.
    this.#send(false)
    peer.flush()
    await within(opened, 'data channel')
    this.#messageDueMs = performance.now() + (Math.random() * 1_000) / messagesPerSecond
  }

  #say(): void {
    const { tally, options, measuring } = this.#context
    const counts = measuring()
    if (this.#send(counts) !== 'sent' || !counts) return
    let receivers = 0
    for (const user of this.#room.users.values()) if (user !== this && user.hearsData) receivers++
    tally.traffic.data.left(options.messageBytes, receivers)
  }

  #send(counts: boolean): 'sent' | 'dropped' | 'closed' {
    const { stamps, options } = this.#context
    const payload = new Uint8Array(options.messageBytes).fill(0x5a)
    stamps.write(payload, payload.length, this.#index * 2, counts ? 1 : 0)
    return this.#channel!.send(payload)
  }

  /** Subscribes to a user of this run, unless it does already or has enough. */
  #see(id: string): void {
    const { viewsPerUser } = this.#context.options
    const user = this.#room.users.get(id)
    if (!user || user === this || this.#views.has(id) || this.#views.size >= viewsPerUser) return
    this.#views.add(id)
    this.#setups.push(this.#subscribe(user).catch((error) => this.#lost(messageOf(error))))
  }

  async #subscribe(user: LoadUser): Promise<void> {
    const { tally } = this.#context
    const startedAt = nowMicroseconds()
    const events = new Pushes()
    const handle = await this.#janus!.attach(PLUGIN, (message) => {
      events.take(message)
      if (message.janus === 'hangup') this.#lost(`hangup of a subscriber: ${message.reason ?? 'no reason'}`)
    })
    const pushed = events.next('event')
    const reply = await handle.message(this.#joinBody({ media: user.id }))
    const why = refusal(reply.plugindata?.data)
    if (why !== undefined) throw new Error(`subscriber: ${why}`)
    // The offer comes with the reply, or by itself.
    const { jsep } = reply.jsep ? reply : await within(pushed, 'offer to a subscriber')
    if (!jsep) throw new Error('subscriber: an event without the offer')
    const peer = this.#peers!.peer()
    this.#receive(peer)
    const up = events.next('webrtcup')
    await handle.message({}, { type: 'answer', sdp: writeAnswer(peer, jsep.sdp) })
    await within(Promise.all([peer.connect(this.#remote(peer, jsep.sdp)), up]), 'subscriber')
    tally.subscribing.record(nowMicroseconds() - startedAt)
    this.#isUp(peer)
    user.viewers++
    void peer.closed.then(() => user.viewers--)
  }

  #receive(peer: ClientPeer): void {
    const { stamps, tally } = this.#context
    peer.onRtp = ({ payloadOffset, payloadLength }, bytes) => {
      const stamp = stamps.read(bytes, payloadOffset, payloadLength)
      if (stamp === undefined || stamp.seq === 0) return
      const { audio, video } = tally.traffic
      const kind = stamp.sender % 2 === 0 ? audio : video
      kind.came(payloadLength, nowMicroseconds() - stamp.sentAtMicros)
    }
  }

  #isUp(peer: ClientPeer): void {
    const { tally } = this.#context
    tally.connected++
    tally.connectedNow++
    void peer.closed.then(() => {
      tally.connectedNow--
      this.#lost('a PeerConnection was closed by the server')
    })
  }

  #remote(peer: ClientPeer, sdp: string) {
    const { allowRemote } = this.#context.options
    return readRemote(sdp, peer.ip, (ip) => allowRemote || isOwnAddress(ip))
  }

  #joinBody(subscribe: object): object {
    const { token } = this.#context.options
    return {
      kind: 'join',
      room_id: this.#room.name,
      user_id: this.id,
      subscribe,
      ...(token !== undefined && { token }),
    }
  }

  #pushed({ janus, reason, plugindata }: JanusReply): void {
    if (janus === 'hangup') this.#lost(`hangup of a publisher: ${reason ?? 'no reason'}`)
    const data = plugindata?.data
    if (data?.event === 'join' && data.room_id === this.#room.name) this.#see(String(data.user_id))
  }

  #lost(reason: string): void {
    if (!this.#stopping) this.#context.tally.failed(reason)
  }
}

/** Waits for messages that a server pushes on one handle. */
class Pushes {
  readonly #waiting: { kind: string; resolve: (message: JanusReply) => void }[] = []

  take(message: JanusReply): void {
    const at = this.#waiting.findIndex(({ kind }) => kind === message.janus && (kind !== 'event' || message.jsep))
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(message)
  }

  /** The next message of that kind from now on; of events the next with a description. */
  next(kind: 'webrtcup' | 'event'): Promise<JanusReply> {
    return new Promise((resolve) => this.#waiting.push({ kind, resolve }))
  }
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not up within ${UP_WITHIN_MS / 1_000} s`)), UP_WITHIN_MS)
    // Work that was interrupted never ends; the process should.
    timer.unref()
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Why the plugin refuses; undefined when it does not. */
function refusal(data: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (data?.success !== false) return undefined
  const { error } = data
  const msg = typeof error === 'object' && error !== null && 'msg' in error ? error.msg : error
  return String(msg ?? 'refused')
}

/** User ids of the reply to `join`. @throws Error when the plugin refuses */
function usersIn(plugindata: JanusReply['plugindata'], room: string): string[] {
  const why = refusal(plugindata?.data)
  if (why !== undefined) throw new Error(`join: ${why}`)
  const response = plugindata?.data.response as { users?: Record<string, unknown> } | undefined
  const users = response?.users?.[room]
  return Array.isArray(users) ? users.map(String) : []
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message || error.name : String(error))
