/** A client that receives the streams of one publisher. */
import type { SendStream } from '../../../src/media/control.js'
import type { Said } from '../../../src/media/forward/testing/said.js'
import type { ReceivedRtp } from '../../../src/media/io/simulated-peer.js'
import { Client, type ClientOptions } from './client.js'
import { type FramePart, readPart } from './frames.js'
import { VideoReceiver } from './picture.js'
import type { Publisher } from './publisher.js'
import { receiverReport } from './rtcp.js'
import type { Stage } from './stage.js'

export interface ViewerOptions extends ClientOptions {
  /** Without it, lost packets are gone. Default true. */
  nack?: boolean
  /** RTX was negotiated; otherwise packets are repeated as they were. Default true. */
  rtx?: boolean
  /** Round trip to the server as it was measured; default: nobody did. */
  rttMs?: number
}

const REPORT_INTERVAL_MS = 1000
const OUR_SSRC = 1

const VIDEO_PT = 120
const VIDEO_RTX_PT = 121
const AUDIO_PT = 109

export class Viewer extends Client {
  publisher: Publisher
  readonly video: VideoReceiver
  /** Packets of sound, and when they came. */
  readonly sounds: (FramePart & { atMs: number; extSeq: number })[] = []
  /** When sender reports came. */
  readonly senderReportsMs: number[] = []
  #options: ViewerOptions
  #reportedMs = Number.NEGATIVE_INFINITY

  constructor(stage: Stage, publisher: Publisher, options: ViewerOptions) {
    super(stage, options)
    this.publisher = publisher
    this.#options = options
    const ssrc = 0x1000_0000 + this.id * 16
    this.video = new VideoReceiver(this, ssrc, options.nack ?? true, options.rttMs)
    this.subscribe()
    if (this.room !== null) this.place(this.room)
    this.command({ kind: 'follow', endpoint: this.id, publisher: stage.mirrors.of(publisher, this.worker) })
  }

  get audioSsrc(): number {
    return this.video.ssrc + 2
  }

  /** Turns to somebody else. */
  watch(publisher: Publisher): void {
    this.publisher = publisher
    this.subscribe()
    this.command({ kind: 'follow', endpoint: this.id, publisher: this.stage.mirrors.of(publisher, this.worker) })
  }

  /** Negotiates what the publisher has to offer now. */
  subscribe(): void {
    const extensions = { mid: 3 }
    const streams = this.publisher.streams.map(({ kind, mid, index }): SendStream => {
      const common = { mid, kind, index, extensions, active: true }
      if (kind === 'audio') {
        return { ...common, ssrc: this.audioSsrc, rtxSsrc: 0, payloadTypes: [{ codec: 'opus', pt: AUDIO_PT }] }
      }
      if (this.#options.rtx === false) {
        return { ...common, ssrc: this.video.ssrc, rtxSsrc: 0, payloadTypes: [{ codec: 'VP8', pt: VIDEO_PT }] }
      }
      const payloadTypes = [{ codec: 'VP8' as const, pt: VIDEO_PT, rtxPt: VIDEO_RTX_PT }]
      return { ...common, ssrc: this.video.ssrc, rtxSsrc: this.video.rtxSsrc, payloadTypes }
    })
    this.command({ kind: 'setSendStreams', endpoint: this.id, streams })
  }

  protected override rtp(packet: ReceivedRtp): void {
    const { ssrc, pt } = packet
    this.#report()
    if (ssrc === this.video.ssrc && pt === VIDEO_PT) this.video.media(packet)
    else if (ssrc === this.video.rtxSsrc && pt === VIDEO_RTX_PT) this.video.rtx(packet)
    else if (ssrc === this.audioSsrc && pt === AUDIO_PT) {
      this.sounds.push({ ...readPart(packet.payload), atMs: packet.atMs, extSeq: packet.extSeq })
    } else throw new Error(`a packet with SSRC ${ssrc} and payload type ${pt} that was never negotiated`)
  }

  protected override rtcp(said: Said): void {
    for (const report of said.senderReports) {
      this.senderReportsMs.push(this.stage.nowMs)
      if (report.ssrc === this.video.ssrc) this.video.senderReport(report)
    }
  }

  /** Once a second, while packets come. */
  #report(): void {
    const { nowMs } = this.stage
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return
    this.#reportedMs = nowMs
    const blocks = this.video.report()
    if (blocks.length > 0) this.peer.sendRtcp(receiverReport(OUR_SSRC, blocks))
  }
}
