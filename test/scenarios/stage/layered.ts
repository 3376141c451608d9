/**
 * A publisher with simulcast, and a viewer that tells when its packets arrived, as browsers do: who congestion control is
 * for. Payloads are VP8 by their first bytes, and say at their end which layer they are of.
 */
import type { ReceiveStream } from '../../../src/media/control.js'
import { rtpPacket, vp8, vp8Rest } from '../../../src/media/forward/testing/packets.js'
import type { ReceivedRtp } from '../../../src/media/io/simulated-peer.js'
import { findElement, readTransportSeq } from '../../../src/media/rtp/extensions/index.js'
import { newRtpView, readRtp } from '../../../src/media/rtp/packet.js'
import { NOT_RECEIVED } from '../../../src/media/rtp/rtcp/index.js'
import { Client, type ClientOptions } from './client.js'
import { arrivalPacket, type Said } from './rtcp.js'
import type { Stage } from './stage.js'

const VIDEO_PT = 96
const RTX_PT = 97
const MID_ID = 4
const RID_ID = 10
const TRANSPORT_SEQ_ID = 5
const FPS = 25
const PACKET_BYTES = 1100
/** A keyframe is so many times as large as another frame. */
const KEYFRAME_FACTOR = 4

export const layerRates: readonly number[] = [150_000, 500_000, 1_700_000]

interface Layer {
  rid: string
  ssrc: number
  rateBps: number
  seq: number
  wantsKeyframe: boolean
}

export class LayeredPublisher extends Client {
  readonly layers: Layer[]
  #running = false

  /** @param rates of its layers in bit/s, ascending */
  constructor(stage: Stage, options: ClientOptions & { rates?: readonly number[] } = {}) {
    super(stage, options)
    this.layers = (options.rates ?? layerRates).map((rateBps, i) => ({
      rid: 'qhf'[i]!,
      ssrc: 0xc000_0000 + this.id * 16 + i,
      rateBps,
      seq: stage.net.random() & 0x7fff,
      wantsKeyframe: true,
    }))
    const streams: ReceiveStream[] = [
      {
        ...{ mid: '0', kind: 'video', index: 0, clockRate: 90_000, nack: false, active: true, ssrcs: [] },
        payloadTypes: [{ codec: 'VP8', pt: VIDEO_PT }],
        extensions: { mid: MID_ID, rid: RID_ID },
      },
    ]
    this.command({ kind: 'receive', endpoint: this.id, streams })
    this.place('hall')
  }

  /** Sends frames from now on. */
  begin(): void {
    if (this.#running) return
    this.#running = true
    const next = () => {
      for (const [index, layer] of this.layers.entries()) this.#frame(index, layer)
      this.stage.net.schedule(this.stage.nowMs + 1000 / FPS, next)
    }
    next()
  }

  #frame(index: number, layer: Layer): void {
    const keyframe = layer.wantsKeyframe
    layer.wantsKeyframe = false
    const bytes = (layer.rateBps / 8 / FPS) * (keyframe ? KEYFRAME_FACTOR : 1)
    const timestamp = Math.round(this.stage.nowMs * 90) >>> 0
    for (let left = bytes; left > 0; left -= PACKET_BYTES) {
      const payload = new Uint8Array(Math.max(20, Math.floor(Math.min(left, PACKET_BYTES)))).fill(7)
      payload.set(left === bytes ? vp8(keyframe) : vp8Rest())
      payload[payload.length - 1] = index
      const extensions = { [MID_ID]: '0', [RID_ID]: layer.rid }
      const { ssrc, seq } = layer
      layer.seq = (seq + 1) & 0xffff
      const marker = left <= PACKET_BYTES
      if (this.peer.connected) {
        this.peer.sendRtp(rtpPacket({ pt: VIDEO_PT, seq, ssrc, timestamp, marker, payload, extensions }))
      }
    }
  }

  protected override rtcp(said: Said): void {
    for (const layer of this.layers) if (said.keyframes.includes(layer.ssrc)) layer.wantsKeyframe = true
  }
}

/** One packet of video that arrived. */
interface Arrival {
  atMs: number
  layer: number
  extSeq: number
  bytes: number
}

export interface NumberedViewerOptions extends ClientOptions {
  /** Default 100. */
  feedbackMs?: number
  /** Says that half of what comes was lost. */
  lies?: boolean
}

export class NumberedViewer extends Client {
  readonly arrivals: Arrival[] = []
  /** Packets of padding that came on the RTX stream. */
  padding = 0
  readonly ssrc: number
  readonly #view = newRtpView()
  #newest = -1
  #reported = -1
  #feedbacks = 0
  readonly #times = new Map<number, number>()

  constructor(stage: Stage, publisher: LayeredPublisher, options: NumberedViewerOptions = {}) {
    super(stage, options)
    this.ssrc = 0x2000_0000 + this.id * 16
    const stream = { mid: '0', kind: 'video', index: 0, ssrc: this.ssrc, rtxSsrc: this.ssrc + 1, active: true } as const
    const extensions = { mid: 3, 'transport-cc': TRANSPORT_SEQ_ID }
    const payloadTypes = [{ codec: 'VP8' as const, pt: VIDEO_PT, rtxPt: RTX_PT }]
    this.command({ kind: 'send', endpoint: this.id, streams: [{ ...stream, payloadTypes, extensions }] })
    this.place('hall')
    this.command({ kind: 'source', endpoint: this.id, publisher: publisher.id })
    this.#tell(options.feedbackMs ?? 100, options.lies ?? false)
  }

  /** Arrivals of a part of the run. */
  between(fromMs: number, untilMs: number): Arrival[] {
    return this.arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
  }

  /** Bit/s of video in a part of the run. */
  rateBps(fromMs: number, untilMs: number): number {
    return this.between(fromMs, untilMs).reduce((sum, { bytes }) => sum + bytes * 8000, 0) / (untilMs - fromMs)
  }

  protected override rtp(packet: ReceivedRtp): void {
    if (readRtp(packet.bytes, 0, packet.bytes.length, this.#view) !== 0) throw new Error('a packet without RTP header')
    const at = findElement(packet.bytes, this.#view, TRANSPORT_SEQ_ID)
    if (at < 0) throw new Error('a packet without transport-wide number')
    const seq = readTransportSeq(packet.bytes, at)
    const ahead = this.#newest < 0 ? seq + 1 : ((seq - this.#newest) << 16) >> 16
    const extSeq = this.#newest < 0 ? seq : this.#newest + ahead
    if (this.#times.has(extSeq)) throw new Error(`transport-wide number ${seq} twice`)
    this.#times.set(extSeq, packet.atMs)
    if (this.#reported < 0) this.#reported = extSeq
    this.#newest = Math.max(this.#newest, extSeq)
    if (packet.ssrc === this.ssrc + 1) this.padding++
    else {
      const layer = packet.payload.at(-1)!
      this.arrivals.push({ atMs: packet.atMs, layer, extSeq: packet.extSeq, bytes: packet.bytes.length })
    }
  }

  /** Regularly, as long as it lives. */
  #tell(everyMs: number, lies: boolean): void {
    const next = () => {
      this.stage.net.schedule(this.stage.nowMs + everyMs, next)
      if (this.#newest < this.#reported || this.#reported < 0 || !this.peer.connected) return
      const times: number[] = []
      for (let seq = this.#reported; seq <= this.#newest; seq++) {
        times.push((lies && seq % 2 === 0 ? undefined : this.#times.get(seq)) ?? NOT_RECEIVED)
      }
      const baseMs = Math.min(...times.filter((ms) => ms !== NOT_RECEIVED))
      this.peer.sendRtcp(arrivalPacket(1, this.ssrc, this.#reported & 0xffff, baseMs, times, this.#feedbacks++ & 0xff))
      this.#reported = this.#newest + 1
    }
    this.stage.net.schedule(this.stage.nowMs + everyMs, next)
  }
}
