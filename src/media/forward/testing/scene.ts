/** A router with a recording io, and peers to put in it. */
import type { MirroredSource, PayloadType, ReceiveStream, RoomSpeakers, SendStream } from '../../control.js'
import { type Peer, Router } from '../router.js'
import { rtpPacket, type TestPacket } from './packets.js'
import { RecordingIo } from './recording-io.js'
import { readRtcp, type Said } from './said.js'

export const PUBLISHER = 100
export const AUDIO_SSRC = 0xa0d10001
export const VIDEO_SSRC = 0xffff0001
export const VIDEO_RTX_SSRC = 0xffff0002

export const audioStream: ReceiveStream = {
  mid: '0',
  kind: 'audio',
  index: 0,
  payloadTypes: [
    { codec: 'opus', pt: 111 },
    { codec: 'red', pt: 63 },
  ],
  clockRate: 48_000,
  ssrcs: [{ ssrc: AUDIO_SSRC }],
  extensions: { mid: 4, 'audio-level': 1, 'abs-send-time': 2 },
  nack: false,
  active: true,
}

export const videoStream: ReceiveStream = {
  mid: '1',
  kind: 'video',
  index: 0,
  payloadTypes: [
    { codec: 'VP8', pt: 96, rtxPt: 97 },
    { codec: 'H264', pt: 102, rtxPt: 103 },
  ],
  clockRate: 90_000,
  ssrcs: [{ ssrc: VIDEO_SSRC, rtxSsrc: VIDEO_RTX_SSRC }],
  extensions: { mid: 4, 'abs-send-time': 2, 'video-orientation': 6, rid: 10, 'repaired-rid': 11 },
  nack: true,
  active: true,
}

const videoTypes: PayloadType[] = [
  { codec: 'VP8', pt: 120, rtxPt: 121 },
  { codec: 'H264', pt: 107, rtxPt: 108 },
]

export function sendAudio(ssrc: number, change: Partial<SendStream> = {}): SendStream {
  return {
    mid: 'a',
    kind: 'audio',
    index: 0,
    ssrc,
    rtxSsrc: 0,
    payloadTypes: [
      { codec: 'opus', pt: 109 },
      { codec: 'red', pt: 110 },
    ],
    extensions: { mid: 3, 'audio-level': 5 },
    active: true,
    ...change,
  }
}

export function sendVideo(ssrc: number, change: Partial<SendStream> = {}): SendStream {
  return {
    mid: 'v',
    kind: 'video',
    index: 0,
    ssrc,
    rtxSsrc: ssrc + 1,
    payloadTypes: videoTypes,
    extensions: { mid: 3, 'video-orientation': 7 },
    active: true,
    ...change,
  }
}

/** What one compound packet said. */
export interface SaidTo extends Said {
  transport: number
}

export class Scene {
  readonly io = new RecordingIo()
  readonly media: string[] = []
  /** What other workers would be told. */
  readonly told: RoomSpeakers[] = []
  /** What mirrors would be told. */
  readonly sources: { endpoint: number; sources: MirroredSource[] }[] = []
  readonly router: Router
  nowMs = 1000
  #random = 12_345
  #nextEndpoint = 1

  /** @param options `failed`: endpoints that a bug was met in; without it the bug is thrown */
  constructor(options: { maxPublisherBps?: number; audible?: number; failed?: number[] } = {}) {
    this.router = new Router(
      this.io,
      {
        media: (endpoint, mid, kind, receiving) => this.media.push(`${endpoint} ${mid} ${kind} ${receiving}`),
        slowlink: (endpoint, mid, kind, uplink, lost) =>
          this.media.push(`${endpoint} ${mid} ${kind} ${uplink ? 'up' : 'down'} lost ${lost}`),
        speakers: (rooms) => this.told.push(...rooms),
        sources: (endpoint, sources) => this.sources.push({ endpoint, sources }),
        failed: (endpoint, error) => {
          if (options.failed === undefined) throw error
          options.failed.push(endpoint)
          this.router.closePeer(endpoint, this.nowMs)
        },
      },
      {
        maxPublisherBps: options.maxPublisherBps ?? 2_500_000,
        audible: options.audible ?? 0,
        random: () => this.random(),
      },
    )
  }

  random(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
    return this.#random
  }

  /** Opens and connects a peer whose transport has the number of its endpoint. */
  peer(endpoint = this.#nextEndpoint++): Peer {
    const peer = this.router.openPeer(endpoint, endpoint, this.nowMs)
    peer.connected(this.nowMs)
    return peer
  }

  publisher(streams: ReceiveStream[] = [audioStream, videoStream], endpoint = PUBLISHER): Peer {
    const peer = this.peer(endpoint)
    peer.setReceiveStreams(streams, this.nowMs)
    return peer
  }

  subscriber(publisher: Peer | number, streams: SendStream[]): Peer {
    const peer = this.peer()
    peer.setSendStreams(streams, this.nowMs)
    peer.follow(publisher, this.nowMs)
    return peer
  }

  rtp(peer: Peer, packet: TestPacket, waitedUs = 0): void {
    this.bytes(peer, rtpPacket(packet), 'rtp', waitedUs)
  }

  rtcp(peer: Peer, bytes: Uint8Array, waitedUs = 0): void {
    this.bytes(peer, bytes, 'rtcp', waitedUs)
  }

  bytes(peer: Peer, bytes: Uint8Array, kind: 'rtp' | 'rtcp', waitedUs = 0): void {
    const offset = 1536
    this.io.rx.set(bytes, offset)
    this.router[kind](this.nowMs, peer, offset, bytes.length, waitedUs)
    // What came in is gone after the call.
    this.io.rx.fill(0xdd, offset, offset + bytes.length)
  }

  /** Lets time pass, with every deadline kept to the millisecond. */
  advance(ms: number): void {
    const end = this.nowMs + ms
    for (;;) {
      const due = Math.max(this.router.deadlineMs, this.nowMs)
      if (due > end) break
      this.nowMs = due
      this.router.expire(due)
      if (this.router.deadlineMs <= due) throw new Error(`still due at ${due}`)
    }
    this.nowMs = end
  }

  /** The RTCP that was sent since the last call, read. */
  said(): SaidTo[] {
    return this.io.takeRtcp().map(({ transport, bytes }) => ({ transport, ...readRtcp(bytes) }))
  }
}
