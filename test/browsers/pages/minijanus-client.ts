/**
 * Runs inside Chromium: what networked-aframe's adapter does with minijanus, step by step and no cleverer.
 * minijanus comes unmodified from npm, as a CommonJS file under a `module` that the page makes.
 */

interface JanusSignal {
  janus: string
  jsep?: RTCSessionDescriptionInit
  plugindata: { data: Record<string, unknown> & { event?: string; user_id?: string; success?: boolean } }
}
interface JanusHandle {
  id: number
  attach(plugin: string): Promise<JanusSignal>
  detach(): Promise<JanusSignal>
  on(kind: string, callback: (signal: JanusSignal) => void): void
  send(type: string, signal?: object): Promise<JanusSignal>
  sendMessage(body: object): Promise<JanusSignal>
  sendJsep(jsep: RTCSessionDescriptionInit): Promise<JanusSignal>
  sendTrickle(candidate: RTCIceCandidate | null): Promise<JanusSignal>
}
interface JanusSession {
  create(): Promise<JanusSignal>
  receive(signal: JanusSignal): void
  on(kind: string, callback: (signal: JanusSignal) => void): void
}
declare const module: {
  exports: {
    JanusSession: new (output: (text: string) => void, options: object) => JanusSession
    JanusPluginHandle: new (session: JanusSession) => JanusHandle
  }
}

interface Subscription {
  pc: RTCPeerConnection
  handle: JanusHandle
  offers: number
  hangups: string[]
  /** Moments by `Date.now()`, which all processes of a machine share. */
  firstFrameMs?: number
  firstSoundMs?: number
}

const moment = () => new Promise((resolve) => setTimeout(resolve, 20))

export class Client {
  readonly user: string
  readonly room: string
  readonly subscriptions = new Map<string, Subscription>()
  readonly events: Record<string, unknown>[] = []
  /** When each of `events` came, by `Date.now()`. */
  readonly eventTimesMs: number[] = []
  readonly received: { channel: string; binary: boolean; text: string }[] = []
  readonly hangups: string[] = []
  readonly channels = new Map<string, RTCDataChannel>()
  socket!: WebSocket
  session!: JanusSession
  publisher!: JanusHandle
  pc!: RTCPeerConnection
  users: string[] = []
  /** When `connect` was called, by `Date.now()`. */
  startedMs = 0

  constructor(room: string, user: string) {
    this.room = room
    this.user = user
  }

  /** Steps 1–6 and 8 of the adapter's publisher flow: data only, then join. */
  async connect(url: string): Promise<void> {
    this.startedMs = Date.now()
    this.socket = new WebSocket(url, 'janus-protocol')
    await new Promise((resolve, reject) => {
      this.socket.onopen = resolve
      this.socket.onerror = reject
    })
    this.session = new module.exports.JanusSession((text) => this.socket.send(text), { timeoutMs: 10_000 })
    this.socket.onmessage = (message) => this.session.receive(JSON.parse(message.data))
    await this.session.create()
    this.publisher = new module.exports.JanusPluginHandle(this.session)
    await this.publisher.attach('janus.plugin.sfu')
    this.publisher.on('hangup', (signal) => this.hangups.push((signal as unknown as { reason: string }).reason))
    await this.open()
    this.publisher.on('event', (signal) => this.heard(signal.plugindata.data))
    const subscribe = { notifications: true, data: true }
    const joined = await this.publisher.sendMessage({ kind: 'join', room_id: this.room, user_id: this.user, subscribe })
    if (!joined.plugindata.data.success) throw new Error(JSON.stringify(joined.plugindata.data))
    const { users } = joined.plugindata.data.response as { users: Record<string, string[]> }
    this.users = users[this.room] ?? []
    await Promise.all(this.users.filter((user) => user !== this.user).map((user) => this.subscribe(user)))
  }

  async open(): Promise<void> {
    this.pc = new RTCPeerConnection()
    this.pc.onicecandidate = ({ candidate }) => void this.publisher.sendTrickle(candidate)
    const channels = [
      this.pc.createDataChannel('reliable', { ordered: true }),
      this.pc.createDataChannel('unreliable', { ordered: false, maxRetransmits: 0 }),
    ]
    const opened = channels.map((channel) => new Promise((resolve) => (channel.onopen = resolve)))
    for (const channel of channels) {
      this.channels.set(channel.label, channel)
      channel.binaryType = 'arraybuffer'
      channel.onmessage = ({ data }) => this.got(channel.label, data)
    }
    const up = new Promise<void>((resolve) => this.publisher.on('webrtcup', () => resolve()))
    await this.negotiate()
    await up
    await Promise.all(opened)
  }

  got(channel: string, data: string | ArrayBuffer): void {
    const binary = typeof data !== 'string'
    const text = binary ? [...new Uint8Array(data)].join(',') : data
    this.received.push({ channel, binary, text })
  }

  async negotiate(): Promise<void> {
    await this.pc.setLocalDescription(await this.pc.createOffer())
    const { jsep, plugindata } = await this.publisher.sendJsep(this.pc.localDescription!)
    if (!jsep) throw new Error(JSON.stringify(plugindata))
    await this.pc.setRemoteDescription(jsep)
  }

  /** Step 7: media by a second offer on the live connection. */
  async publish(kinds: { audio?: boolean; video?: boolean }): Promise<void> {
    const video = kinds.video ? { width: 320, height: 240, frameRate: 15 } : false
    const stream = await navigator.mediaDevices.getUserMedia({ audio: kinds.audio ?? false, video })
    for (const track of stream.getTracks()) this.pc.addTrack(track, stream)
    await this.negotiate()
  }

  /** Sound, and a picture in which much changes: it takes what the encoder may send, at one resolution. */
  async publishNoise(width: number, height: number, maxBitrate: number): Promise<void> {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')!
    const draw = () => {
      for (let i = 0; i < 500; i++) {
        context.fillStyle = `hsl(${Math.random() * 360}, 80%, ${Math.random() * 100}%)`
        context.fillRect(Math.random() * width, Math.random() * height, 8, 8)
      }
    }
    setInterval(draw, 50)
    const stream = canvas.captureStream(20)
    const [sound] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks()
    this.pc.addTrack(sound!, stream)
    const options: RTCRtpTransceiverInit = { direction: 'sendonly', streams: [stream], sendEncodings: [{ maxBitrate }] }
    const { sender } = this.pc.addTransceiver(stream.getVideoTracks()[0]!, options)
    const parameters = sender.getParameters()
    await sender.setParameters(Object.assign(parameters, { degradationPreference: 'maintain-resolution' }))
    await this.negotiate()
  }

  /** Like a page that is closed. */
  leave(): void {
    for (const { pc } of this.subscriptions.values()) pc.close()
    this.subscriptions.clear()
    this.pc.close()
    this.socket.close()
  }

  async mute(kind: 'audio' | 'video'): Promise<void> {
    await this.sender(kind).replaceTrack(null)
  }

  async unmute(kind: 'audio' | 'video'): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true })
    await this.sender(kind).replaceTrack(stream.getTracks()[0]!)
  }

  /** Removes the sender's track and renegotiates: the m-line becomes inactive. */
  async stop(kind: 'audio' | 'video'): Promise<void> {
    const transceiver = this.pc.getTransceivers().find(({ sender }) => sender.track?.kind === kind)!
    this.pc.removeTrack(transceiver.sender)
    await this.negotiate()
  }

  sender(kind: 'audio' | 'video'): RTCRtpSender {
    return this.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === kind)!.sender
  }

  /** One handle and one PeerConnection per remote user; every offer that comes is answered. */
  async subscribe(user: string): Promise<void> {
    const handle = new module.exports.JanusPluginHandle(this.session)
    await handle.attach('janus.plugin.sfu')
    const pc = new RTCPeerConnection()
    const subscription: Subscription = { pc, handle, offers: 0, hangups: [] }
    this.subscriptions.set(user, subscription)
    void this.watchStart(user, subscription)
    pc.onicecandidate = ({ candidate }) => void handle.sendTrickle(candidate)
    handle.on('hangup', (signal) => subscription.hangups.push((signal as unknown as { reason: string }).reason))
    const up = new Promise<void>((resolve) => handle.on('webrtcup', () => resolve()))
    handle.on('event', async ({ jsep }) => {
      if (jsep?.type !== 'offer') return
      subscription.offers++
      await pc.setRemoteDescription(jsep)
      await pc.setLocalDescription(await pc.createAnswer())
      await handle.sendJsep(pc.localDescription!)
    })
    const body = { kind: 'join', room_id: this.room, user_id: this.user, subscribe: { media: user } }
    const joined = await handle.sendMessage(body)
    if (!joined.plugindata.data.success) throw new Error(JSON.stringify(joined.plugindata.data))
    await up
    for (const receiver of pc.getReceivers()) {
      const element = document.createElement(receiver.track.kind) as HTMLMediaElement
      element.srcObject = new MediaStream([receiver.track])
      element.autoplay = true
      document.body.append(element)
    }
  }

  /** How a client that lost its network asks for new candidates: the server offers again. */
  async askAgain(user: string): Promise<void> {
    const { handle } = this.subscriptions.get(user)!
    const { plugindata, jsep } = await handle.sendMessage({ kind: 'subscribe', what: { media: user } })
    if (!plugindata.data.success) throw new Error(JSON.stringify(plugindata.data))
    if (!jsep) throw new Error('no offer')
  }

  /** Protocol and address of the server for each PeerConnection: its own, then those of the subscriptions. */
  async paths(): Promise<string[]> {
    const connections = [this.pc, ...[...this.subscriptions.values()].map(({ pc }) => pc)]
    return Promise.all(
      connections.map(async (pc) => {
        const reports = await pc.getStats()
        const all = [...reports.values()]
        const transport = all.find(({ type }) => type === 'transport')
        // Firefox has no report of the transport, and says it of the pair.
        const pair = transport ? reports.get(transport.selectedCandidatePairId) : all.find(({ selected }) => selected)
        const { protocol, address, port } = reports.get(pair.remoteCandidateId)
        return `${protocol} ${address}:${port}`
      }),
    )
  }

  heard(data: Record<string, unknown> & { event?: string; user_id?: string }): void {
    if (!data.event) return
    this.events.push(data)
    this.eventTimesMs.push(Date.now())
    if (data.event === 'join' && data.user_id !== this.user) void this.subscribe(data.user_id!)
    if (data.event === 'leave') {
      this.subscriptions.get(data.user_id!)?.pc.close()
      this.subscriptions.delete(data.user_id!)
    }
  }

  /** Writes down when the first frame was decoded and the first sound played. */
  async watchStart(user: string, subscription: Subscription): Promise<void> {
    while (this.subscriptions.get(user) === subscription) {
      const { framesDecoded, audioEnergy } = await this.stats(user)
      if (framesDecoded! > 0) subscription.firstFrameMs ??= Date.now()
      if (audioEnergy! > 0) subscription.firstSoundMs ??= Date.now()
      if (subscription.firstFrameMs !== undefined && subscription.firstSoundMs !== undefined) return
      await moment()
    }
  }

  /** Waits until a user's picture moves and its sound is heard; gives when, by `Date.now()`. */
  async plays(user: string, withinMs: number): Promise<number> {
    const deadlineMs = Date.now() + withinMs
    const first = await this.stats(user)
    for (;;) {
      const now = await this.stats(user)
      const moves = now.framesDecoded! > first.framesDecoded! + 2
      const sounds = now.audioEnergy! > first.audioEnergy!
      if (moves && sounds) return Date.now()
      if (Date.now() > deadlineMs)
        throw new Error(`${user} ${moves ? 'is silent' : 'stands still'}: ${JSON.stringify(now)}`)
      await moment()
    }
  }

  send(channel: string, data: string | number[]): void {
    const open = this.channels.get(channel)!
    if (typeof data === 'string') open.send(data)
    else open.send(new Uint8Array(data))
  }

  async message(body: object): Promise<Record<string, unknown>> {
    return (await this.publisher.sendMessage(body)).plugindata.data
  }

  /** What the browser itself counts for one remote user. */
  async stats(user: string): Promise<Record<string, number>> {
    const subscription = this.subscriptions.get(user)
    const result: Record<string, number> = {
      framesDecoded: 0,
      audioEnergy: 0,
      audioPackets: 0,
      videoPackets: 0,
      rtx: 0,
    }
    for (const report of (await subscription?.pc.getStats())?.values() ?? []) {
      if (report.type !== 'inbound-rtp') continue
      if (report.kind === 'video') {
        result.framesDecoded! += report.framesDecoded ?? 0
        result.videoPackets! += report.packetsReceived ?? 0
        result.rtx! += report.retransmittedPacketsReceived ?? 0
        result.freezes = report.freezeCount ?? 0
        result.nacks = report.nackCount ?? 0
        result.lost = report.packetsLost ?? 0
      } else {
        result.audioEnergy! += report.totalAudioEnergy ?? 0
        result.audioPackets! += report.packetsReceived ?? 0
      }
    }
    return result
  }

  async publisherStats(): Promise<Record<string, number>> {
    const result: Record<string, number> = {
      ...{ retransmitted: 0, availableBps: 0, framesEncoded: 0, targetBps: 0, videoBytes: 0, audioBytes: 0 },
    }
    for (const report of (await this.pc.getStats()).values()) {
      if (report.type === 'outbound-rtp') {
        result.retransmitted! += report.retransmittedPacketsSent ?? 0
        result.framesEncoded! += report.framesEncoded ?? 0
        result.targetBps! += report.targetBitrate ?? 0
        result[report.kind === 'video' ? 'videoBytes' : 'audioBytes']! += report.bytesSent ?? 0
      }
      // Several pairs may be nominated; only the one in use has an estimate.
      if (report.type === 'candidate-pair') {
        result.availableBps = Math.max(result.availableBps!, report.availableOutgoingBitrate ?? 0)
      }
    }
    return result
  }
}

declare global {
  var MinijanusClient: typeof Client
}
globalThis.MinijanusClient = Client
