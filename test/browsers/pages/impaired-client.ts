/**
 * Runs inside a browser: publishes a lively picture or views somebody's, over `janus.plugin.sfu` or over Janus' own
 * videoroom, through the relay, and gives what the browser counts. One client for both servers: what differs is in
 * `dialects`.
 */
import { ageOf } from './clock-strip.js'
import { JanusApi, type JanusReply } from './janus-api.js'
import { livelyPicture, type PictureShape } from './source.js'

export interface Connect {
  plugin: 'sfu' | 'videoroom'
  url: string
  room: string | number
  user: string
  /** Where the relay listens for each UDP port of the server. */
  fronts: Record<number, { address: string; port: number }>
}

/** One encoding of the published picture. */
export interface EncodingFigures {
  rid: string
  active: boolean
  width: number
  height: number
  framesEncoded: number
  bytes: number
  targetBps: number
  retransmitted: number
  limitedBy: string
}

export interface SenderFigures {
  /** Pictures that there were to send. */
  framesDrawn: number
  availableBps: number
  encodings: EncodingFigures[]
}

/** Sums since the beginning, except for the size. */
export interface ReceiverFigures {
  atMs: number
  width: number
  height: number
  framesDecoded: number
  framesReceived: number
  framesDropped: number
  /** From drawing to showing, of the picture that is shown now. */
  ageMs: number | undefined
  freezes: number | undefined
  frozenMs: number | undefined
  bytes: number
  packets: number
  lost: number
  nacks: number
  plis: number
  retransmitted: number
  /** Sum over frames, ms. */
  jitterBufferMs: number
  jitterBufferFrames: number
  audioPackets: number
  audioConcealed: number
  audioSamples: number
}

type Stats = Record<string, number | string | undefined> & { type: string; kind?: string }

const number = (value: unknown) => (typeof value === 'number' ? value : 0)

/** What the plugins want to hear. */
interface Dialect {
  plugin: string
  join(client: ImpairedClient, handle: number): Promise<void>
  publish(client: ImpairedClient, handle: number, offer: RTCSessionDescriptionInit): Promise<JanusReply>
  view(client: ImpairedClient, handle: number, publisher: string | number): Promise<JanusReply>
  answer(client: ImpairedClient, handle: number, answer: RTCSessionDescriptionInit): Promise<JanusReply>
}

const dialects: Record<Connect['plugin'], Dialect> = {
  sfu: {
    plugin: 'janus.plugin.sfu',
    async join({ api, options }, handle) {
      const subscribe = { notifications: true, data: true }
      await api.message(handle, { kind: 'join', room_id: options.room, user_id: options.user, subscribe })
    },
    publish: ({ api }, handle, offer) => api.message(handle, {}, offer),
    view: ({ api, options }, handle, publisher) =>
      api.message(handle, {
        ...{ kind: 'join', room_id: options.room, user_id: options.user },
        subscribe: { media: publisher },
      }),
    answer: ({ api }, handle, answer) => api.message(handle, {}, answer),
  },
  videoroom: {
    plugin: 'janus.plugin.videoroom',
    async join(client, handle) {
      const { api, options } = client
      const body = { request: 'join', ptype: 'publisher', room: options.room, display: options.user }
      const { plugindata } = await api.message(handle, body)
      client.publisherId = plugindata!.data.id as number
    },
    publish: ({ api }, handle, offer) => api.message(handle, { request: 'publish' }, offer),
    view: ({ api, options }, handle, publisher) =>
      api.message(handle, {
        ...{ request: 'join', ptype: 'subscriber', room: options.room },
        streams: [{ feed: publisher }],
      }),
    answer: ({ api, options }, handle, answer) => api.message(handle, { request: 'start', room: options.room }, answer),
  },
}

export class ImpairedClient {
  readonly options: Connect
  readonly api: JanusApi
  readonly #dialect: Dialect
  /** What others ask for when they want to see this client: an id of videoroom, or the user. */
  publisherId: string | number
  handle = 0
  pc = new RTCPeerConnection()
  #video: HTMLVideoElement | undefined
  #drawn: () => number = () => 0

  private constructor(options: Connect, api: JanusApi) {
    this.options = options
    this.api = api
    this.#dialect = dialects[options.plugin]
    this.publisherId = options.user
  }

  static async connect(options: Connect): Promise<ImpairedClient> {
    return new ImpairedClient(options, await JanusApi.open(options.url))
  }

  /** For the admin API. */
  get ids(): { session: number; handle: number } {
    return { session: this.api.sessionId, handle: this.handle }
  }

  /** @param encodings of the picture; more than one is simulcast */
  async publish(shape: PictureShape, encodings: RTCRtpEncodingParameters[]): Promise<string | number> {
    this.handle = await this.api.attach(this.#dialect.plugin, () => {})
    await this.#dialect.join(this, this.handle)
    const sound = await navigator.mediaDevices.getUserMedia({ audio: true })
    const { stream: picture, drawn } = livelyPicture(shape)
    this.#drawn = drawn
    this.pc.addTransceiver(sound.getAudioTracks()[0]!, { direction: 'sendonly', streams: [picture] })
    this.pc.addTransceiver(picture.getVideoTracks()[0]!, {
      direction: 'sendonly',
      streams: [picture],
      sendEncodings: encodings,
    })
    await this.pc.setLocalDescription(await this.pc.createOffer())
    const { jsep, plugindata } = await this.#dialect.publish(this, this.handle, this.#local())
    if (!jsep) throw new Error(`no answer: ${JSON.stringify(plugindata)}`)
    await this.#noMoreCandidates(this.handle)
    await this.pc.setRemoteDescription(this.#throughRelay(jsep))
    await this.#connected()
    return this.publisherId
  }

  /** Views a publisher, who has to be there. */
  async view(publisher: string | number): Promise<void> {
    this.handle = await this.api.attach(this.#dialect.plugin, ({ jsep }) => void (jsep && this.#answer(jsep)))
    this.pc.ontrack = ({ track }) => {
      const element = document.createElement(track.kind) as HTMLMediaElement
      Object.assign(element, { srcObject: new MediaStream([track]), autoplay: true })
      document.body.append(element)
      if (element instanceof HTMLVideoElement) this.#video = element
    }
    const { jsep, plugindata } = await this.#dialect.view(this, this.handle, publisher)
    if (!jsep) throw new Error(`no offer: ${JSON.stringify(plugindata)}`)
    await this.#answer(jsep)
    await this.#connected()
  }

  async #answer(offer: RTCSessionDescriptionInit): Promise<void> {
    await this.pc.setRemoteDescription(this.#throughRelay(offer))
    await this.pc.setLocalDescription(await this.pc.createAnswer())
    await this.#dialect.answer(this, this.handle, this.#local())
    await this.#noMoreCandidates(this.handle)
  }

  /** Without candidates: the server is to see nothing but the relay. */
  #local(): RTCSessionDescriptionInit {
    const { type, sdp } = this.pc.localDescription!
    return { type, sdp: sdp.replace(/^a=(candidate:|end-of-candidates).*\r\n/gm, '') }
  }

  async #noMoreCandidates(handle: number): Promise<void> {
    await this.api.request({ janus: 'trickle', handle_id: handle, candidate: { completed: true } })
  }

  /** Candidates that the relay stands in for are rewritten to it, and all others (TCP, IPv6) left out. */
  #throughRelay({ type, sdp = '' }: RTCSessionDescriptionInit): RTCSessionDescriptionInit {
    const line = /^a=candidate:(\S+ \d+) (\S+) (\d+) (\S+) (\d+) (typ host.*)\r\n/gm
    const relayed = sdp.replace(line, (_, id, protocol, priority, _address, port, rest) => {
      const front = protocol.toLowerCase() === 'udp' ? this.options.fronts[Number(port)] : undefined
      return front ? `a=candidate:${id} udp ${priority} ${front.address} ${front.port} ${rest}\r\n` : ''
    })
    if (!relayed.includes('a=candidate:')) throw new Error(`no candidate that the relay knows in ${sdp}`)
    return { type, sdp: relayed }
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.pc.connectionState === 'connected') resolve()
        if (this.pc.connectionState === 'failed') reject(new Error('the PeerConnection failed'))
      }
      this.pc.addEventListener('connectionstatechange', look)
      look()
    })
  }

  async sender(): Promise<SenderFigures> {
    const reports = await this.#reports()
    const encodings = reports
      .filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video')
      .map((each) => ({
        rid: String(each.rid ?? ''),
        active: String(each.active) !== 'false',
        width: number(each.frameWidth),
        height: number(each.frameHeight),
        framesEncoded: number(each.framesEncoded),
        bytes: number(each.bytesSent),
        targetBps: number(each.targetBitrate),
        retransmitted: number(each.retransmittedPacketsSent),
        limitedBy: String(each.qualityLimitationReason ?? ''),
      }))
      .sort((a, b) => a.width - b.width)
    // Several pairs may be nominated; only the one in use has an estimate.
    const estimates = reports.map(({ availableOutgoingBitrate }) => number(availableOutgoingBitrate))
    return { framesDrawn: this.#drawn(), availableBps: Math.max(0, ...estimates), encodings }
  }

  async receiver(): Promise<ReceiverFigures> {
    const reports = (await this.#reports()).filter(({ type }) => type === 'inbound-rtp')
    const none: Stats = { type: '' }
    const video = reports.find(({ kind }) => kind === 'video') ?? none
    const audio = reports.find(({ kind }) => kind === 'audio') ?? none
    const optional = (value: unknown, factor = 1) => (typeof value === 'number' ? value * factor : undefined)
    return {
      atMs: performance.now(),
      width: number(video.frameWidth),
      height: number(video.frameHeight),
      framesDecoded: number(video.framesDecoded),
      framesReceived: number(video.framesReceived),
      framesDropped: number(video.framesDropped),
      ageMs: this.#video && ageOf(this.#video),
      freezes: optional(video.freezeCount),
      frozenMs: optional(video.totalFreezesDuration, 1_000),
      bytes: number(video.bytesReceived),
      packets: number(video.packetsReceived),
      lost: number(video.packetsLost),
      nacks: number(video.nackCount),
      plis: number(video.pliCount),
      retransmitted: number(video.retransmittedPacketsReceived),
      jitterBufferMs: number(video.jitterBufferDelay) * 1_000,
      jitterBufferFrames: number(video.jitterBufferEmittedCount),
      audioPackets: number(audio.packetsReceived),
      audioConcealed: number(audio.concealedSamples),
      audioSamples: number(audio.totalSamplesReceived),
    }
  }

  async #reports(): Promise<Stats[]> {
    return [...(await this.pc.getStats()).values()] as Stats[]
  }
}

declare global {
  var Impaired: typeof ImpairedClient
  /** Kept between two calls by the page itself: not every driver of a browser has handles. */
  var impairedClient: ImpairedClient
}
globalThis.Impaired = ImpairedClient
