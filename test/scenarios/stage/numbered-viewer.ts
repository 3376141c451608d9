/**
 * A viewer of a layered publisher that tells what it gets, as browsers do: when its packets arrived, or what it believes
 * that its link holds; and which packets are missing.
 */
import type { EndpointInfo, SendStream, StreamPreference } from '../../../src/media/control.js'
import { ReceiveEstimate } from '../../../src/media/forward/congestion/receive-estimate.js'
import { SendClock } from '../../../src/media/forward/congestion/send-clock.js'
import type { LinkConditions, SimulatedLink } from '../../../src/media/io/simulated-link.js'
import type { ReceivedRtp } from '../../../src/media/io/simulated-peer.js'
import { findElement, readAbsSendTimeMs, readTransportSeq } from '../../../src/media/rtp/extensions/index.js'
import { newRtpView, readRtp } from '../../../src/media/rtp/packet.js'
import { NOT_RECEIVED } from '../../../src/media/rtp/rtcp/index.js'
import { Client, type ClientOptions } from './client.js'
import type { LayeredPublisher } from './layered.js'
import { arrivalPacket, nackPacket, rembPacket } from './rtcp.js'
import type { Stage } from './stage.js'

const VIDEO_PT = 96
const RTX_PT = 97
const AUDIO_PT = 111
const TRANSPORT_SEQ_ID = 5
const SEND_TIME_ID = 6
const NACK_MS = 20
const NACK_TRIES = 10
/** What browsers believe at most. */
const MAX_REMB_BPS = 20_000_000
const REMB_MS = 1000

/** One packet of video that arrived. */
export interface Arrival {
  atMs: number
  layer: number
  temporal: number
  /** It ends a picture. */
  marker: boolean
  extSeq: number
  bytes: number
}

export interface NumberedViewerOptions extends ClientOptions {
  /** Default 100. */
  feedbackMs?: number
  /** Says that half of what comes was lost. */
  lies?: boolean
  /** Says REMB instead of arrivals: no transport-wide numbers were negotiated. */
  remb?: boolean
  /** Gets sound too; the publisher sends some. */
  sound?: boolean
}

export class NumberedViewer extends Client {
  readonly arrivals: Arrival[] = []
  /** Packets of padding that came on the RTX stream. */
  padding = 0
  /** Packets of video that came again. */
  repaired = 0
  /** Packets of sound that came. */
  sounds = 0
  readonly ssrc: number
  readonly #remb: boolean
  readonly #lies: boolean
  readonly #view = newRtpView()
  #newest = -1
  #reported = -1
  #feedbacks = 0
  readonly #times = new Map<number, number>()
  readonly #estimate = new ReceiveEstimate(MAX_REMB_BPS)
  readonly #clock = new SendClock(64_000)
  #toldMs = Number.NEGATIVE_INFINITY
  /** Numbers that are missing, and how often they were asked for. */
  readonly #missing = new Map<number, number>()
  #newestExtSeq = -1

  constructor(stage: Stage, publisher: LayeredPublisher, options: NumberedViewerOptions = {}) {
    super(stage, options)
    this.#remb = options.remb ?? false
    this.#lies = options.lies ?? false
    this.ssrc = 0x2000_0000 + this.id * 16
    const extensions = {
      mid: 3,
      ...(this.#remb ? { 'abs-send-time': SEND_TIME_ID } : { 'transport-cc': TRANSPORT_SEQ_ID }),
    }
    const video = { mid: '0', kind: 'video', index: 0, ssrc: this.ssrc, rtxSsrc: this.ssrc + 1, active: true } as const
    const streams: SendStream[] = [
      { ...video, payloadTypes: [{ codec: 'VP8', pt: VIDEO_PT, rtxPt: RTX_PT }], extensions },
    ]
    if (options.sound) {
      const audio = { mid: '1', kind: 'audio', index: 0, ssrc: this.ssrc + 2, rtxSsrc: 0, active: true } as const
      streams.push({ ...audio, payloadTypes: [{ codec: 'opus', pt: AUDIO_PT }], extensions })
    }
    this.command({ kind: 'setSendStreams', endpoint: this.id, streams })
    this.place('hall')
    this.command({ kind: 'follow', endpoint: this.id, publisher: publisher.id })
    this.#tell(options.feedbackMs ?? 100)
  }

  /** The link to it alone; its `conditions` may be changed, its queue be looked at. */
  behind(conditions: Partial<LinkConditions>): SimulatedLink {
    return this.stage.net.share([[this.worker.address.ip, this.peer.address.ip]], conditions)
  }

  /** What it wants at most from now on. */
  prefer(preference: StreamPreference): void {
    this.command({ kind: 'prefer', endpoint: this.id, preferences: { video: preference, mids: [] } })
  }

  /** Arrivals of a part of the run. */
  between(fromMs: number, untilMs: number): Arrival[] {
    return this.arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
  }

  /** Bit/s of video in a part of the run. */
  rateBps(fromMs: number, untilMs: number): number {
    return this.between(fromMs, untilMs).reduce((sum, { bytes }) => sum + bytes * 8000, 0) / (untilMs - fromMs)
  }

  /** Pictures per second in a part of the run. */
  pictures(fromMs: number, untilMs: number): number {
    return (this.between(fromMs, untilMs).filter(({ marker }) => marker).length * 1000) / (untilMs - fromMs)
  }

  /** What the worker knows of it now. */
  info(): EndpointInfo {
    const ask = 1_000_000 + this.worker.reports.length
    this.command({ kind: 'inspect', endpoint: this.id, ask })
    const answer = this.worker.reports.findLast(({ report }) => report.kind === 'done' && report.ask === ask)
    return (answer!.report as unknown as { value: EndpointInfo }).value
  }

  protected override rtp(packet: ReceivedRtp): void {
    if (readRtp(packet.bytes, 0, packet.bytes.length, this.#view) !== 0) throw new Error('a packet without RTP header')
    this.#note(packet)
    if (packet.ssrc === this.ssrc + 2) this.sounds++
    else if (packet.ssrc === this.ssrc) this.#arrived(packet.extSeq, packet, packet.payload)
    else if (packet.payload.length === 0) this.padding++
    else {
      const seq = (packet.payload[0]! << 8) | packet.payload[1]!
      const extSeq = this.#newestExtSeq - ((this.#newestExtSeq - seq) & 0xffff)
      if (!this.#missing.has(extSeq)) return
      this.repaired++
      this.#arrived(extSeq, packet, packet.payload.subarray(2))
    }
  }

  #arrived(extSeq: number, { atMs, bytes, marker }: ReceivedRtp, payload: Uint8Array): void {
    if (extSeq > this.#newestExtSeq) {
      const from = this.#newestExtSeq < 0 ? extSeq : this.#newestExtSeq + 1
      for (let missing = from; missing < extSeq; missing++) this.#missing.set(missing, 0)
      this.#newestExtSeq = extSeq
    }
    this.#missing.delete(extSeq)
    const said = payload.at(-1)!
    this.arrivals.push({ atMs, layer: said >> 4, temporal: said & 15, marker, extSeq, bytes: bytes.length })
  }

  /** What is to be told of a packet. */
  #note({ bytes, atMs }: ReceivedRtp): void {
    const at = findElement(bytes, this.#view, this.#remb ? SEND_TIME_ID : TRANSPORT_SEQ_ID)
    if (at < 0) throw new Error('a packet without number, or without time')
    if (this.#remb) {
      if (this.#estimate.arrived(atMs, this.#clock.unwrap(readAbsSendTimeMs(bytes, at)), bytes.length)) this.#toldMs = 0
      return
    }
    const seq = readTransportSeq(bytes, at)
    const ahead = this.#newest < 0 ? seq + 1 : ((seq - this.#newest) << 16) >> 16
    const extSeq = this.#newest < 0 ? seq : this.#newest + ahead
    if (this.#times.has(extSeq)) throw new Error(`transport-wide number ${seq} twice`)
    this.#times.set(extSeq, atMs)
    if (this.#reported < 0) this.#reported = extSeq
    this.#newest = Math.max(this.#newest, extSeq)
  }

  /** Regularly, as long as it lives. */
  #tell(everyMs: number): void {
    const { net } = this.stage
    const repeat = (ms: number, run: () => void) => {
      const next = () => {
        net.schedule(net.nowMs + ms, next)
        if (this.peer.connected) run()
      }
      net.schedule(net.nowMs + ms, next)
    }
    repeat(everyMs, () => (this.#remb ? this.#sayRemb() : this.#sayArrivals()))
    repeat(NACK_MS, () => this.#ask())
  }

  #sayArrivals(): void {
    if (this.#newest < this.#reported || this.#reported < 0) return
    const times: number[] = []
    for (let seq = this.#reported; seq <= this.#newest; seq++) {
      times.push((this.#lies && seq % 2 === 0 ? undefined : this.#times.get(seq)) ?? NOT_RECEIVED)
    }
    const baseMs = Math.min(...times.filter((ms) => ms !== NOT_RECEIVED))
    this.peer.sendRtcp(arrivalPacket(1, this.ssrc, this.#reported & 0xffff, baseMs, times, this.#feedbacks++ & 0xff))
    this.#reported = this.#newest + 1
  }

  #sayRemb(): void {
    const { nowMs } = this.stage
    if (nowMs - this.#toldMs < REMB_MS || this.arrivals.length === 0) return
    this.#toldMs = nowMs
    this.peer.sendRtcp(rembPacket(1, this.#estimate.rateBps, [this.ssrc]))
  }

  #ask(): void {
    const seqs: number[] = []
    for (const [extSeq, tries] of this.#missing) {
      if (tries % 5 === 0 && seqs.length < 100) seqs.push(extSeq & 0xffff)
      if (tries >= NACK_TRIES * 5) this.#missing.delete(extSeq)
      else this.#missing.set(extSeq, tries + 1)
    }
    if (seqs.length > 0) this.peer.sendRtcp(nackPacket(1, this.ssrc, seqs))
  }
}
