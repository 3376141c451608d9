/** A client that sends: VP8-like pictures with RTX and keyframes on request, and packets of sound. */
import type { ReceiveStream } from '../../../src/media/control.js'
import { rtpPacket, rtxPayload } from '../../../src/media/forward/testing/packets.js'
import type { Said } from '../../../src/media/forward/testing/said.js'
import { Client, type ClientOptions } from './client.js'
import { audioPayload, videoPayload } from './frames.js'
import { senderReport } from './rtcp.js'
import type { Stage } from './stage.js'

export interface PublisherOptions extends ClientOptions {
  audio?: boolean
  video?: boolean
  /** Default: some of its own. RTX has the number after it. */
  videoSsrc?: number
  audioSsrc?: number
  /** Of every stream; default random. */
  firstSeq?: number
  /** Of an interframe; default 3. Keyframes have twice as many. */
  packetsPerFrame?: number
  /** What the encoder is set to, instead: frames of that many bits, keyframes four times as large. */
  rateBps?: number
}

export const VIDEO_PT = 96
export const VIDEO_RTX_PT = 97
export const AUDIO_PT = 111
const MID_EXTENSION = 4
/** Packets kept for retransmission. */
const HISTORY = 4096
/** Most payload bytes of a packet, if `rateBps` was given. */
const MAX_PAYLOAD = 1100

/** One RTP stream of the publisher. */
class OutgoingStream {
  readonly ssrc: number
  readonly pt: number
  packets = 0
  #client: Client
  #mid: string
  #seq: number

  constructor(client: Client, mid: string, ssrc: number, pt: number, firstSeq: number) {
    this.#client = client
    this.#mid = mid
    this.ssrc = ssrc
    this.pt = pt
    this.#seq = firstSeq
  }

  /** @returns the sequence number that it got */
  send(timestamp: number, marker: boolean, payload: Uint8Array): number {
    const seq = this.#seq
    this.#seq = (seq + 1) & 0xffff
    this.packets++
    const { ssrc, pt } = this
    const extensions = { [MID_EXTENSION]: this.#mid }
    // A peer that left sends no more; one that is not connected yet has an encoder that runs all the same.
    if (this.#client.peer.connected) {
      this.#client.peer.sendRtp(rtpPacket({ pt, seq, ssrc, timestamp: timestamp >>> 0, marker, payload, extensions }))
    }
    return seq
  }
}

export class Publisher extends Client {
  readonly options: PublisherOptions
  /** Frames and packets of sound sent. */
  frames = 0
  sounds = 0
  /** When each frame was sent. */
  readonly sentMs: number[] = []
  /** Frames that were keyframes. */
  readonly keyframes: number[] = []
  /** When a keyframe was asked for. */
  readonly keyframeRequestsMs: number[] = []
  /** Sequence numbers that were asked for again. */
  nacked = 0
  /** Packets that were sent again. */
  resent = 0
  #fps = 25
  #video: OutgoingStream
  #videoRtx: OutgoingStream
  #audio: OutgoingStream
  #wantsKeyframe = true
  #history = new Map<number, { timestamp: number; payload: Uint8Array; marker: boolean }>()
  #streams: ReceiveStream[]

  constructor(stage: Stage, options: PublisherOptions) {
    super(stage, { relaysData: true, receivesData: true, ...options })
    this.options = options
    this.#audio = this.#newStream('0', options.audioSsrc ?? 0xa000_0000 + this.id, AUDIO_PT)
    this.#video = this.#newStream('1', options.videoSsrc ?? 0xb000_0000 + this.id * 16, VIDEO_PT)
    this.#videoRtx = this.#newStream('1', this.#video.ssrc + 1, VIDEO_RTX_PT)
    this.#streams = []
    this.publish(options)
    if (this.room !== null) this.place(this.room)
  }

  get videoSsrc(): number {
    return this.#video.ssrc
  }

  /** Video packets sent for the first time. */
  get videoPackets(): number {
    return this.#video.packets
  }

  get streams(): readonly ReceiveStream[] {
    return this.#streams
  }

  /** Renegotiates what is sent. */
  publish({ audio = false, video = false }: { audio?: boolean; video?: boolean }): void {
    const extensions = { mid: MID_EXTENSION }
    const [audioStream, videoStream]: ReceiveStream[] = [
      {
        ...{ mid: '0', kind: 'audio', index: 0, clockRate: 48_000, extensions, nack: false, active: audio },
        payloadTypes: [{ codec: 'opus', pt: AUDIO_PT }],
        ssrcs: [{ ssrc: this.#audio.ssrc }],
      },
      {
        ...{ mid: '1', kind: 'video', index: 0, clockRate: 90_000, extensions, nack: true, active: video },
        payloadTypes: [{ codec: 'VP8', pt: VIDEO_PT, rtxPt: VIDEO_RTX_PT }],
        ssrcs: [{ ssrc: this.#video.ssrc, rtxSsrc: this.#videoRtx.ssrc }],
      },
    ]
    this.#streams = [audioStream!, videoStream!].filter((stream) => stream.active)
    this.command({ kind: 'setReceiveStreams', endpoint: this.id, streams: this.#streams })
  }

  /** Another camera on the same m-line, with a new SSRC that no description has mentioned. */
  replaceVideoTrack(ssrc: number): void {
    this.#video = this.#newStream('1', ssrc, VIDEO_PT)
    this.#videoRtx = this.#newStream('1', ssrc + 1, VIDEO_RTX_PT)
    this.#history.clear()
    this.#wantsKeyframe = true
  }

  /** Sends `count` frames from now on. */
  sendFrames(count: number, { fps = 25 }: { fps?: number } = {}): void {
    const { net } = this.stage
    const beginMs = net.nowMs
    this.#fps = fps
    for (let i = 0; i < count; i++) {
      net.schedule(beginMs + (i * 1000) / fps, () => {
        this.#frame()
        if (i % fps === fps - 1) this.#report(this.#video, 90_000)
      })
    }
  }

  /** Sends `count` packets of sound, 20 ms each, from now on. */
  speak(count: number): void {
    const { net } = this.stage
    const beginMs = net.nowMs
    for (let i = 0; i < count; i++) {
      net.schedule(beginMs + i * 20, () => {
        const part = { publisher: this.id & 0xff, frame: this.sounds++, part: 0, parts: 1, keyframe: false }
        this.#audio.send(net.nowMs * 48, i === 0, audioPayload(part))
        if (i % 50 === 49) this.#report(this.#audio, 48_000)
      })
    }
  }

  protected override rtcp(said: Said): void {
    for (const ssrc of said.keyframes) {
      if (ssrc !== this.#video.ssrc) continue
      this.keyframeRequestsMs.push(this.stage.nowMs)
      this.#wantsKeyframe = true
    }
    for (const { ssrc, seqs } of said.nacks) {
      this.nacked += seqs.length
      if (ssrc === this.#video.ssrc) for (const seq of seqs) this.#sendAgain(seq)
    }
  }

  #newStream(mid: string, ssrc: number, pt: number): OutgoingStream {
    return new OutgoingStream(this, mid, ssrc >>> 0, pt, this.options.firstSeq ?? this.stage.net.random() & 0xffff)
  }

  #frame(): void {
    const keyframe = this.#wantsKeyframe
    this.#wantsKeyframe = false
    const frame = this.frames++
    if (keyframe) this.keyframes.push(frame)
    this.sentMs.push(this.stage.nowMs)
    const { parts, bytes } = this.#size(keyframe)
    const timestamp = Math.round(this.stage.nowMs * 90) >>> 0
    for (let part = 0; part < parts; part++) {
      const payload = videoPayload({ publisher: this.id & 0xff, frame, part, parts, keyframe }, bytes)
      const marker = part === parts - 1
      this.#history.set(this.#video.send(timestamp, marker, payload), { timestamp, marker, payload })
    }
    for (const seq of this.#history.keys()) {
      if (this.#history.size <= HISTORY) break
      this.#history.delete(seq)
    }
  }

  /** Packets of a frame, and payload bytes of each. */
  #size(keyframe: boolean): { parts: number; bytes: number } {
    const { rateBps, packetsPerFrame = 3 } = this.options
    if (rateBps === undefined) return { parts: packetsPerFrame * (keyframe ? 2 : 1), bytes: 0 }
    const frameBytes = (rateBps / 8 / this.#fps) * (keyframe ? 4 : 1)
    const parts = Math.min(255, Math.ceil(frameBytes / MAX_PAYLOAD))
    return { parts, bytes: Math.round(frameBytes / parts) }
  }

  #sendAgain(seq: number): void {
    const known = this.#history.get(seq)
    if (!known) return
    this.resent++
    this.#videoRtx.send(known.timestamp, known.marker, rtxPayload(seq, known.payload))
  }

  #report({ ssrc, packets }: OutgoingStream, clockRate: number): void {
    if (!this.peer.connected) return
    const { nowMs } = this.stage
    this.peer.sendRtcp(
      senderReport({
        ssrc,
        ntpSeconds: 3_900_000_000 + Math.floor(nowMs / 1000),
        ntpFraction: Math.floor(((nowMs % 1000) / 1000) * 2 ** 32),
        rtpTimestamp: Math.round((nowMs * clockRate) / 1000) >>> 0,
        packetCount: packets,
        octetCount: packets * 20,
      }),
    )
  }
}
