/**
 * Runs inside a browser: a small client of the Janus API that publishes, subscribes and measures, the same in
 * Chromium and in Firefox. What it adds to a call (transforms, tones) is in the files beside it.
 */

import { drawing } from './drawing.js'
import { decrypts, encrypts, type Lock, type LockCounts, noneLocked } from './frame-lock.js'
import { behindKnob, loudest, tones } from './tones.js'

interface Reply {
  janus: string
  sender?: number
  transaction?: string
  data?: { id: number }
  jsep?: RTCSessionDescriptionInit
  plugindata?: { data: Record<string, unknown> & { event?: string; user_id?: string; success?: boolean } }
}

export interface VideoWish {
  width?: number
  height?: number
  frameRate?: number
  /** A drawing instead of the camera: a camera that is open already gives everybody the size that it was opened with. */
  drawn?: boolean
  /** `video/VP9` …: preferred to all others. */
  codec?: string
  encodings?: RTCRtpEncodingParameters[]
}

export interface PublishWish {
  audio?: boolean | 'turned down' | Parameters<typeof tones>[0]
  /** Payload type that is sent, of those that the server takes; else the first one. */
  audioPt?: number
  video?: VideoWish
  lock?: Lock
}

/** What a subscriber counts of one remote track. */
export interface Received {
  kind: string
  codec: string
  packets: number
  bytes: number
  lost: number
  framesDecoded: number
  width: number
  height: number
  audioEnergy: number
  freezes: number
  keyFrames: number
}

export interface Sent {
  kind: string
  rid: string
  codec: string
  packets: number
  bytes: number
  framesEncoded: number
  width: number
  height: number
}

interface Subscription {
  pc: RTCPeerConnection
  handle: number
  offers: number
  answers: string[]
  unlocked: LockCounts
}

const KEEPALIVE_MS = 20_000

const moment = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms))

export type Fronts = Record<number, { address: string; port: number }>

export class Caller {
  readonly room: string
  readonly user: string
  readonly pc = new RTCPeerConnection()
  readonly channels = new Map<string, RTCDataChannel>()
  readonly received: { label: string; payload: string }[] = []
  readonly events: string[] = []
  readonly subscriptions = new Map<string, Subscription>()
  /** Of a microphone that was published turned down. */
  turn: (to: 'up' | 'down') => void = () => {}
  readonly locked = noneLocked()
  /** The last description that the server gave for what is published. */
  answer = ''
  #socket!: WebSocket
  #session = 0
  #publisher = 0
  #transactions = 0
  readonly #waiting = new Map<string, (reply: Reply) => void>()
  readonly #handlers = new Map<number, (reply: Reply) => void>()

  readonly #fronts: Fronts | undefined

  /** @param fronts where a relay listens for each UDP port of the server; without, packets go there directly */
  constructor(room: string, user: string, fronts?: Fronts) {
    this.room = room
    this.user = user
    this.#fronts = fronts
  }

  /** Session, publisher handle with both data channels, and the join; nothing is published yet. */
  async connect(url: string): Promise<void> {
    this.#socket = new WebSocket(url, 'janus-protocol')
    this.#socket.onmessage = ({ data }) => this.#heard(JSON.parse(data))
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve
      this.#socket.onerror = reject
    })
    this.#session = (await this.#ask({ janus: 'create' })).data!.id
    const keepalive = setInterval(() => void this.#ask({ janus: 'keepalive' }), KEEPALIVE_MS)
    this.#socket.onclose = () => clearInterval(keepalive)
    this.#publisher = await this.#attach(({ plugindata }) => {
      const { event, user_id } = plugindata?.data ?? {}
      if (event !== undefined) this.events.push(`${event} ${user_id}`)
    })
    const unreliable = { ordered: false, maxRetransmits: 0 }
    const opened = [
      this.pc.createDataChannel('reliable', { ordered: true }),
      this.pc.createDataChannel('unreliable', unreliable),
    ].map((channel) => {
      this.#listen(channel)
      return new Promise((resolve) => (channel.onopen = resolve))
    })
    this.pc.ondatachannel = ({ channel }) => this.#listen(channel)
    await this.negotiate()
    await Promise.all(opened)
    const subscribe = { notifications: true, data: true }
    await this.message({ kind: 'join', room_id: this.room, user_id: this.user, subscribe })
  }

  async #attach(handler: (reply: Reply) => void): Promise<number> {
    const { data } = await this.#ask({ janus: 'attach', plugin: 'janus.plugin.sfu' })
    this.#handlers.set(data!.id, handler)
    return data!.id
  }

  /** @returns the first reply that is no ack */
  #ask(request: object): Promise<Reply> {
    const transaction = `${this.#transactions++}`
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(transaction, resolve))
    this.#socket.send(JSON.stringify({ transaction, ...(this.#session && { session_id: this.#session }), ...request }))
    return reply
  }

  #heard(reply: Reply): void {
    if (reply.janus === 'ack') return
    const waiting = this.#waiting.get(reply.transaction ?? '')
    if (waiting === undefined) return this.#handlers.get(reply.sender ?? 0)?.(reply)
    this.#waiting.delete(reply.transaction!)
    waiting(reply)
  }

  async message(body: object, jsep?: RTCSessionDescriptionInit, handle = this.#publisher): Promise<Reply> {
    const reply = await this.#ask({ janus: 'message', handle_id: handle, body, ...(jsep && { jsep }) })
    if (!reply.plugindata?.data.success) throw new Error(JSON.stringify(reply))
    return reply
  }

  #listen(channel: RTCDataChannel): void {
    this.channels.set(channel.label, channel)
    channel.binaryType = 'arraybuffer'
    channel.onmessage = ({ data }) =>
      this.received.push({
        label: channel.label,
        payload: typeof data === 'string' ? `text ${data}` : `bytes ${new Uint8Array(data).join('.')}`,
      })
  }

  send(label: string, data: string | number[]): void {
    const channel = this.channels.get(label)!
    if (typeof data === 'string') channel.send(data)
    else channel.send(new Uint8Array(data))
  }

  /**
   * One offer with all that is published now, without trickling: candidates of ours are not needed.
   * @param audioPt of what the server takes it is sent, instead of the first one
   */
  async negotiate(audioPt?: number): Promise<void> {
    const offer = await this.pc.createOffer()
    // As pages do that send music, and those that save bandwidth.
    const stereo = offer.sdp!.replace(/^(a=fmtp:(?:109|111) )/gm, '$1stereo=1;sprop-stereo=1;usedtx=1;')
    await this.pc.setLocalDescription({ type: 'offer', sdp: stereo })
    const { jsep } = await this.message({}, { type: 'offer', sdp: this.pc.localDescription!.sdp })
    this.answer = this.#relayed(jsep!.sdp!)
    const first = (line: string) => line.replace(new RegExp(`^(m=audio \\S+ \\S+)(.*?)( ${audioPt})\\b`), '$1$3$2')
    const sdp = audioPt === undefined ? this.answer : this.answer.replace(/^m=audio .*/gm, first)
    await this.pc.setRemoteDescription({ type: 'answer', sdp })
  }

  /** The description with the relay's addresses as the only candidates. */
  #relayed(sdp: string): string {
    if (this.#fronts === undefined) return sdp
    const line = /^a=candidate:(\S+ \d+) (\S+) (\d+) \S+ (\d+) (typ host.*)\r\n/gm
    return sdp.replace(line, (_, id, protocol, priority, port, rest) => {
      const front = protocol.toLowerCase() === 'udp' ? this.#fronts![Number(port)] : undefined
      return front ? `a=candidate:${id} udp ${priority} ${front.address} ${front.port} ${rest}\r\n` : ''
    })
  }

  async publish({ audio, audioPt, video, lock }: PublishWish): Promise<void> {
    const constraints = { width: 320, height: 240, frameRate: 15, ...video }
    const stream = new MediaStream()
    if (audio) stream.addTrack(await this.#sound(audio))
    if (video) {
      const { width, height, frameRate } = constraints
      const camera = () => this.#capture({ video: { width, height, frameRate } })
      stream.addTrack(video.drawn ? drawing(width, height) : await camera())
    }
    for (const track of stream.getTracks()) {
      const transceiver = this.pc.addTransceiver(track, {
        direction: 'sendonly',
        streams: [stream],
        ...(track.kind === 'video' && video?.encodings && { sendEncodings: video.encodings }),
      })
      if (lock) encrypts(transceiver.sender, lock, this.locked)
      if (track.kind === 'video' && video?.codec) preferCodec(transceiver, video.codec)
    }
    await this.negotiate(audioPt)
  }

  async #sound(wish: Exclude<PublishWish['audio'], false | undefined>): Promise<MediaStreamTrack> {
    if (wish !== true && wish !== 'turned down') return tones(wish)
    const microphone = await this.#capture({ audio: true })
    if (wish === true) return microphone
    const { track, turn } = behindKnob(microphone)
    this.turn = turn
    return track
  }

  async #capture(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
    return (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0]!
  }

  /** The sender of the first track of that kind that is sent. */
  sender(kind: 'audio' | 'video'): RTCRtpSender {
    return this.pc.getSenders().find(({ track }) => track?.kind === kind)!
  }

  /** A drawing instead of the camera, without signalling. */
  async replaceVideo(width: number, height: number): Promise<void> {
    const { track } = this.sender('video')
    await this.sender('video').replaceTrack(drawing(width, height))
    track!.stop()
  }

  async remove(kind: 'audio' | 'video'): Promise<void> {
    this.pc.removeTrack(this.sender(kind))
    await this.negotiate()
  }

  async subscribe(user: string, lock?: Lock): Promise<void> {
    const pc = new RTCPeerConnection()
    const unlocked = noneLocked()
    const subscription: Subscription = { pc, handle: 0, offers: 0, answers: [], unlocked }
    this.subscriptions.set(user, subscription)
    pc.ontrack = ({ track, receiver }) => {
      if (lock) decrypts(receiver, lock, subscription.unlocked)
      const element = document.createElement(track.kind) as HTMLMediaElement
      element.srcObject = new MediaStream([track])
      element.autoplay = true
      document.body.append(element)
    }
    const answer = async (offer: RTCSessionDescriptionInit) => {
      subscription.offers++
      await pc.setRemoteDescription(offer)
      const { sdp } = await pc.createAnswer()
      // Both browsers decode stereo only when they said so themselves.
      await pc.setLocalDescription({ type: 'answer', sdp: sdp!.replace(/^(a=fmtp:111 )/gm, '$1stereo=1;') })
      subscription.answers.push(pc.localDescription!.sdp)
      await this.message({}, { type: 'answer', sdp: pc.localDescription!.sdp }, handle)
    }
    const handle = await this.#attach(({ jsep }) => void (jsep?.type === 'offer' && answer(jsep)))
    subscription.handle = handle
    const body = { kind: 'join', room_id: this.room, user_id: this.user, subscribe: { media: user } }
    const { jsep } = await this.message(body, undefined, handle)
    if (jsep) await answer(jsep)
  }

  /** Wants no more than this of a remote user's pictures from now on: `prefer.video` of the plugin's messages. */
  async prefer(user: string, video: Record<string, number | boolean>): Promise<void> {
    await this.message({ kind: 'subscribe', prefer: { video } }, undefined, this.subscriptions.get(user)!.handle)
  }

  /** What came of each track of a remote user, in the order of its m-lines. */
  async receivedOf(user: string): Promise<Received[]> {
    const { pc } = this.subscriptions.get(user)!
    const all: Received[] = []
    for (const { receiver } of pc.getTransceivers()) {
      const reports = await receiver.getStats()
      const codecs = codecsOf(reports)
      for (const report of reports.values()) {
        if (report.type !== 'inbound-rtp') continue
        all.push({
          kind: receiver.track.kind,
          codec: codecs.get(report.codecId) ?? '',
          packets: report.packetsReceived ?? 0,
          bytes: report.bytesReceived ?? 0,
          lost: report.packetsLost ?? 0,
          framesDecoded: report.framesDecoded ?? 0,
          width: report.frameWidth ?? 0,
          height: report.frameHeight ?? 0,
          audioEnergy: report.totalAudioEnergy ?? 0,
          freezes: report.freezeCount ?? 0,
          keyFrames: report.keyFramesDecoded ?? 0,
        })
      }
    }
    return all
  }

  /** Loudest frequency of each side of a remote user's sound, in Hz. */
  async loudestOf(user: string): ReturnType<typeof loudest> {
    const receivers = this.subscriptions.get(user)!.pc.getReceivers()
    return loudest(receivers.find(({ track }) => track.kind === 'audio')!.track)
  }

  /** What is sent, one entry for each encoding. */
  async sent(): Promise<Sent[]> {
    const reports = await this.pc.getStats()
    const codecs = codecsOf(reports)
    return [...reports.values()]
      .filter(({ type }) => type === 'outbound-rtp')
      .map((report) => ({
        kind: report.kind,
        rid: report.rid ?? '',
        codec: codecs.get(report.codecId) ?? '',
        packets: report.packetsSent ?? 0,
        bytes: report.bytesSent ?? 0,
        framesEncoded: report.framesEncoded ?? 0,
        width: report.frameWidth ?? 0,
        height: report.frameHeight ?? 0,
      }))
  }

  /** Waits until a user's tracks play from now on: pictures are decoded, sound has energy. */
  async plays(user: string, kinds: readonly ('audio' | 'video')[], withinMs = 12_000): Promise<Received[]> {
    const deadlineMs = Date.now() + withinMs
    const sum = (all: Received[], kind: string, field: 'framesDecoded' | 'audioEnergy') =>
      all.filter((track) => track.kind === kind).reduce((total, track) => total + track[field], 0)
    const first = await this.receivedOf(user)
    for (;;) {
      await moment()
      const now = await this.receivedOf(user)
      const missing = kinds.filter((kind) =>
        kind === 'video'
          ? sum(now, kind, 'framesDecoded') < sum(first, kind, 'framesDecoded') + 5
          : sum(now, kind, 'audioEnergy') <= sum(first, kind, 'audioEnergy'),
      )
      if (missing.length === 0) return now
      if (Date.now() > deadlineMs) throw new Error(`${user}: no ${missing.join(' and no ')}: ${JSON.stringify(now)}`)
    }
  }

  /** Gone without a word more than closing needs, as a closed tab. */
  leave(): void {
    this.pc.close()
    for (const { pc } of this.subscriptions.values()) pc.close()
    this.#socket.close()
  }
}

const codecsOf = (reports: RTCStatsReport) =>
  new Map([...reports.values()].filter(({ type }) => type === 'codec').map(({ id, mimeType }) => [id, mimeType]))

/** Puts one codec first; all others stay, so that RTX and what the server prefers do. */
function preferCodec(transceiver: RTCRtpTransceiver, mimeType: string): void {
  const { codecs } = RTCRtpReceiver.getCapabilities('video')!
  const wanted = codecs.filter((codec) => codec.mimeType === mimeType || codec.mimeType === 'video/rtx')
  if (!wanted.some((codec) => codec.mimeType === mimeType)) throw new Error(`${mimeType} is not known here`)
  transceiver.setCodecPreferences(wanted)
}

declare global {
  var RostraCaller: typeof Caller
}
globalThis.RostraCaller = Caller
