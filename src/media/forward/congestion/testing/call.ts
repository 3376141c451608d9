/**
 * A closed loop in virtual time: one client whose connections carry audio and simulcast video over a link, with the
 * transport-wide feedback of its browser on the way back. What the forwarder does with packets is done here by hand, so
 * that only congestion control is looked at.
 */
import { NOT_RECEIVED } from '../../../rtp/rtcp/index.js'
import { Allotment, type Step } from '../allocation.js'
import { Bottleneck, type Member } from '../bottleneck.js'
import { Flow, OVERHEAD_BYTES } from '../flow.js'
import { Pace } from '../pace.js'
import type { Link } from './link.js'

const FEEDBACK_MS = 100
const FRAME_MS = 1000 / 30
const AUDIO_MS = 20
const AUDIO_BYTES = 80
const PACKET_BYTES = 1150
const PADDING_BYTES = 255

export const threeLayers: readonly Step[] = [
  { spatial: 0, temporal: 0, rateBps: 150_000 },
  { spatial: 1, temporal: 0, rateBps: 500_000 },
  { spatial: 2, temporal: 0, rateBps: 1_700_000 },
]

export interface Sample {
  atMs: number
  estimateBps: number
  /** Levels of all connections; −1 = paused. */
  levels: number[]
  /** Bytes that arrived since the sample before, as a rate. */
  arrivedBps: number
  /** How long packets wait before the link, at its worst since the sample before. */
  queueMs: number
}

/** Shared by calls over one link: a clock that moves all of them by a millisecond at a time. */
export function run(calls: readonly Call[], fromMs: number, untilMs: number): void {
  for (let nowMs = fromMs; nowMs < untilMs; nowMs++) for (const call of calls) call.step(nowMs)
}

interface Report {
  arrivesMs: number
  baseSeq: number
  times: number[]
  connection: Connection
}

class Connection implements Member {
  readonly transport = 1
  readonly flow = new Flow()
  readonly pace = new Pace()
  readonly allotment = new Allotment()
  readonly allotments: readonly Allotment[] = [this.allotment]
  readonly probes = true
  sentBytes = 0
  audioBytes = 0
  readonly #call: Call
  #seq: number
  #frameMs: number
  #audioMs: number
  /** Video packets that wait for their turn. */
  readonly #waiting: number[] = []
  /** Arrivals by number, as the receiver has them; and the first that it has not reported yet. */
  readonly #arrivals = new Map<number, number>()
  #reported: number
  #newest = -1

  constructor(call: Call, random: () => number, ladder: readonly Step[]) {
    this.#call = call
    this.allotment.ladder = ladder
    this.#seq = this.#reported = Math.floor(random() * 60_000)
    this.#frameMs = random() * FRAME_MS
    this.#audioMs = random() * AUDIO_MS
  }

  refresh(): void {}

  allocated(): void {
    const { estimateBps } = this.#call.bottleneck
    this.pace.setRate(estimateBps)
  }

  probe(bytes: number, nowMs: number): boolean {
    for (let left = bytes; left > 0; left -= PADDING_BYTES + OVERHEAD_BYTES) this.#send(PADDING_BYTES, nowMs)
    return true
  }

  step(nowMs: number): void {
    if (nowMs >= this.#audioMs) {
      this.#audioMs += AUDIO_MS
      this.audioBytes += AUDIO_BYTES + OVERHEAD_BYTES
      this.sentBytes += AUDIO_BYTES + OVERHEAD_BYTES
      this.#send(AUDIO_BYTES, nowMs)
    }
    if (nowMs >= this.#frameMs) {
      this.#frameMs += FRAME_MS
      this.#frame()
    }
    while (this.#waiting.length > 0 && this.pace.open(nowMs)) {
      const bytes = this.#waiting.shift()!
      this.sentBytes += bytes + OVERHEAD_BYTES
      this.#send(bytes, nowMs)
    }
  }

  /** Frames differ in size by a half, up and down. */
  #frame(): void {
    const { allotment } = this
    if (allotment.level < 0 || allotment.ladder.length === 0) return
    const bits = (allotment.rateBps * FRAME_MS) / 1000
    let bytes = (bits / 8) * (0.5 + this.#call.link.random())
    for (; bytes > 0; bytes -= PACKET_BYTES) this.#waiting.push(Math.ceil(Math.min(bytes, PACKET_BYTES)))
  }

  #send(bytes: number, nowMs: number): void {
    const seq = this.#seq++
    this.flow.record(seq & 0xffff, bytes, nowMs)
    this.pace.sent(bytes + OVERHEAD_BYTES, nowMs)
    const { link } = this.#call
    const arrivesMs = link.send(nowMs, bytes + OVERHEAD_BYTES)
    if (arrivesMs < 0) return
    this.#arrivals.set(seq, arrivesMs)
    this.#call.arrived(arrivesMs, bytes + OVERHEAD_BYTES)
  }

  /** What has arrived by now and was not reported yet. */
  report(nowMs: number): Report | null {
    for (const [seq, arrivedMs] of this.#arrivals) if (arrivedMs <= nowMs) this.#newest = Math.max(this.#newest, seq)
    if (this.#newest < this.#reported) return null
    const times: number[] = []
    for (let seq = this.#reported; seq <= this.#newest; seq++) {
      times.push(this.#arrivals.get(seq) ?? NOT_RECEIVED)
      this.#arrivals.delete(seq)
    }
    const report = {
      arrivesMs: nowMs + this.#call.link.options.delayMs,
      baseSeq: this.#reported,
      times,
      connection: this,
    }
    this.#reported = this.#newest + 1
    return report
  }
}

export interface CallOptions {
  connections?: number
  ladder?: readonly Step[]
}

export class Call {
  readonly bottleneck = new Bottleneck()
  readonly link: Link
  readonly samples: Sample[] = []
  readonly #connections: Connection[]
  readonly #reports: Report[] = []
  #tickMs = 0
  #feedbackMs: number
  #arrivedBytes = new Map<number, number>()
  #queueMs = 0

  constructor(link: Link, { connections = 1, ladder = threeLayers }: CallOptions = {}) {
    this.link = link
    this.#feedbackMs = link.random() * FEEDBACK_MS
    const random = () => link.random()
    this.#connections = Array.from({ length: connections }, () => new Connection(this, random, ladder))
    for (const connection of this.#connections) this.bottleneck.add(connection)
  }

  arrived(atMs: number, bytes: number): void {
    const second = Math.floor(atMs / 100)
    this.#arrivedBytes.set(second, (this.#arrivedBytes.get(second) ?? 0) + bytes)
  }

  step(nowMs: number): void {
    for (const connection of this.#connections) connection.step(nowMs)
    if (nowMs >= this.#feedbackMs) {
      this.#feedbackMs += FEEDBACK_MS
      for (const connection of this.#connections) {
        const report = connection.report(nowMs)
        if (report !== null) this.#reports.push(report)
      }
    }
    while (this.#reports.length > 0 && this.#reports[0]!.arrivesMs <= nowMs) this.#take(this.#reports.shift()!, nowMs)
    if (nowMs >= this.#tickMs) this.#tickMs = this.bottleneck.tick(nowMs)
    this.#queueMs = Math.max(this.#queueMs, this.link.queueMsAt(nowMs))
    if (nowMs % 100 === 0) this.#sample(nowMs)
  }

  /** Samples of a part of the run. */
  between(fromMs: number, untilMs: number): Sample[] {
    return this.samples.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
  }

  #take({ connection, baseSeq, times }: Report, nowMs: number): void {
    const referenceTime = Math.floor(Math.min(...times.filter((ms) => ms !== NOT_RECEIVED)) / 64)
    const units = times.map((ms) => (ms === NOT_RECEIVED ? ms : Math.round((ms - referenceTime * 64) * 4)))
    const head = { baseSeq: baseSeq & 0xffff, statusCount: times.length, referenceTime, feedbackCount: 0 }
    connection.flow.take(head, Int32Array.from(units), nowMs, nowMs)
    this.bottleneck.update(connection, nowMs)
    this.#tickMs = Math.min(this.#tickMs, nowMs)
  }

  #sample(atMs: number): void {
    const levels = this.#connections.map(({ allotment }) => allotment.level)
    const arrivedBps = (this.#arrivedBytes.get(atMs / 100 - 1) ?? 0) * 80
    this.samples.push({ atMs, estimateBps: this.bottleneck.estimateBps, levels, arrivedBps, queueMs: this.#queueMs })
    this.#queueMs = 0
  }
}
