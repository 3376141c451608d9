/**
 * Transport-wide feedback, both ways, as a script: each byte is something to do (its last two bits) and how much.
 *
 * ```
 * 0  so many packets are sent            2  time passes, and what is due is reported
 * 1  one arrives: how far ahead follows  3  so many words of feedback follow, as they are
 * ```
 *
 * What we report is what arrived. Whatever a receiver says, no more is taken as arrived or lost than was sent.
 */
import assert from 'node:assert/strict'
import { ArrivalReports } from '../src/media/forward/congestion/arrival-reports.js'
import { arrivals } from '../src/media/forward/congestion/feedback-reader.js'
import { Flow } from '../src/media/forward/congestion/flow.js'
import {
  firstRtcp,
  NOT_RECEIVED,
  newArrivalFeedback,
  newRtcpCursor,
  RtcpType,
  readArrivalFeedback,
  TransportFeedback,
  writeFeedback,
} from '../src/media/rtp/rtcp/index.js'

const FEEDBACK_BYTES = 12
const cursor = newRtcpCursor()
const feedback = newArrivalFeedback()

class Path {
  readonly #flow = new Flow()
  readonly #reports = new ArrivalReports()
  readonly #arrived = new Set<number>()
  readonly #out = new Uint8Array(1500)
  readonly #told = { received: 0, lost: 0 }
  #nowMs = 1000
  #sent = 0
  #newest = 0

  send(count: number): void {
    for (let i = 0; i < count; i++) this.#flow.record(this.#sent++ & 0xffff, 1000, this.#nowMs)
  }

  arrive(ahead: number): void {
    this.#newest = (this.#newest + ahead) & 0xffff
    this.#arrived.add(this.#newest)
    this.#reports.arrived(this.#nowMs, this.#newest, 7, 1200, 0)
  }

  pass(ms: number): void {
    this.#nowMs += ms
    if (this.#nowMs < this.#reports.dueMs) return
    for (;;) {
      const length = this.#reports.write(this.#nowMs, this.#out, 0, 1, 1500)
      if (length === 0) return
      assert.ok(firstRtcp(cursor, this.#out, 0, length) && cursor.next === length)
      assert.ok(readArrivalFeedback(cursor, feedback, arrivals))
      for (let i = 0; i < feedback.statusCount; i++) {
        if (arrivals[i] !== NOT_RECEIVED) assert.ok(this.#arrived.has((feedback.baseSeq + i) & 0xffff))
      }
      this.#take()
    }
  }

  hear(words: Uint8Array): void {
    const length = FEEDBACK_BYTES + words.length
    writeFeedback(this.#out, 0, RtcpType.rtpfb, TransportFeedback.transportCc, length, 1, 2)
    this.#out.set(words, FEEDBACK_BYTES)
    assert.ok(firstRtcp(cursor, this.#out, 0, length))
    if (readArrivalFeedback(cursor, feedback, arrivals)) this.#take()
  }

  #take(): void {
    const flow = this.#flow
    flow.take(feedback, arrivals, this.#nowMs, this.#nowMs)
    flow.takeLoss(this.#told)
    const { received, lost } = this.#told
    assert.ok(received >= 0 && lost >= 0 && received + lost <= this.#sent, `${received} + ${lost} of ${this.#sent}`)
    assert.ok(flow.rttMs >= 0 && flow.rttMs <= 10_000)
    const rateBps = flow.acknowledgedBps(this.#nowMs)
    assert.ok(Number.isNaN(rateBps) || (rateBps >= 0 && rateBps < Number.POSITIVE_INFINITY), `${rateBps}`)
  }
}

export function fuzz(bytes: Uint8Array): void {
  const path = new Path()
  for (let at = 0; at < bytes.length; at++) {
    const much = bytes[at]! >> 2
    switch (bytes[at]! & 3) {
      case 0:
        path.send(much + 1)
        break
      case 1:
        path.arrive(much * (((bytes[++at] ?? 0) << 24) >> 24))
        break
      case 2:
        path.pass(much * 4)
        break
      case 3:
        path.hear(bytes.subarray(at + 1, at + 1 + Math.min(much * 4, (bytes.length - at - 1) & ~3)))
        at += much * 4
    }
  }
}
