/** A publisher in one router, its mirror in another, and what passes between them: names of SSRCs, needs, requests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeNack } from '../../rtp/rtcp/nack.js'
import { writeReceiverReport } from '../../rtp/rtcp/rr.js'
import { writeSenderReport } from '../../rtp/rtcp/sr.js'
import type { Peer } from '../router.js'
import { vp8 } from '../testing/packets.js'
import { AUDIO_SSRC, audioStream, PUBLISHER, Scene, sendVideo, VIDEO_SSRC, videoStream } from '../testing/scene.js'
import { Frame, Link, type RelayRoute } from './link.js'
import { NeedsElsewhere } from './needs.js'

const LINK = 900
const MIRROR = 77

/** Two routers, and a link that hands over what the test lets through. */
class Pair {
  readonly home: Scene
  readonly away: Scene
  readonly publisher: Peer
  readonly mirror: Peer
  /** From the publisher to the mirror. */
  readonly route: RelayRoute
  readonly #there = new Link()
  readonly #back = new Link()

  constructor(streams = [videoStream], audible = 0) {
    this.home = new Scene({ audible })
    this.away = new Scene({ audible })
    this.#there.renew(LINK)
    this.#back.renew(LINK)
    this.publisher = this.home.publisher(streams)
    this.mirror = this.away.router.openMirror(MIRROR, { link: this.#back, mirror: MIRROR }, this.away.nowMs)
    this.mirror.setReceiveStreams(streams, this.away.nowMs)
    this.route = { link: this.#there, mirror: MIRROR }
    this.publisher.addRoute(this.route)
  }

  /** What the workers tell each other through the main process. */
  tell(): void {
    for (const { endpoint, sources } of this.home.sources.splice(0)) {
      assert.equal(endpoint, PUBLISHER)
      this.mirror.setSources(sources, this.away.nowMs)
    }
  }

  /** Hands over what was sent on the link, both ways. @returns what went each way, by kind of frame */
  cross(): number[] {
    const crossed: number[] = []
    for (const [from, to] of [
      [this.home, this.away],
      [this.away, this.home],
    ] as const) {
      const mine = from.io.rtpSent.filter(({ transport }) => transport === LINK)
      from.io.rtpSent = from.io.rtpSent.filter(({ transport }) => transport !== LINK)
      for (const { pt, payload, timestamp } of mine) {
        assert.equal(timestamp, MIRROR)
        crossed.push(pt)
        to.io.rx.set(payload, 3000)
        if (pt === Frame.request) {
          to.router.requested(to.nowMs, this.publisher, this.route, 3000, payload.length)
        } else if (pt === Frame.report) to.router.rtcp(to.nowMs, this.mirror, 3000, payload.length, 0)
        else to.router.relayed(to.nowMs, this.mirror, 3000, payload.length, pt === Frame.packet)
      }
    }
    return crossed
  }

  advance(ms: number): void {
    this.home.advance(ms)
    this.away.advance(ms)
  }

  /** One picture in one packet, which ends with its number. */
  send(seq: number, ssrc = VIDEO_SSRC, extensions: Record<number, string> = {}, keyframe = seq === 0): void {
    const payload = vp8(keyframe, seq & 0xff)
    this.home.rtp(this.publisher, { pt: 96, seq, ssrc, timestamp: seq * 3600, marker: true, payload, extensions })
  }
}

const simulcast = {
  ...videoStream,
  ssrcs: [],
  encodings: [{ rid: 'q' }, { rid: 'f' }],
}

test('a mirror that opens late knows encodings by what only the first packets said', () => {
  const pair = new Pair([simulcast])
  pair.send(0, 501, { 4: '1', 10: 'q' })
  pair.send(0, 502, { 4: '1', 10: 'f' })
  pair.advance(20)
  pair.home.io.takeRtp()
  pair.tell()
  for (const seq of [1, 2]) for (const ssrc of [501, 502]) pair.send(seq, ssrc)
  pair.cross()
  const [inbound] = pair.mirror.info(pair.away.nowMs).inbound
  assert.deepEqual(
    inbound!.encodings.map(({ rid, ssrc }) => [rid, ssrc]),
    [
      ['q', 501],
      ['f', 502],
    ],
  )
  assert.equal(pair.away.router.totals.drop_unknown_stream, 0)
})

test('mirrors are told of new SSRCs at once, but all together, and not every millisecond', () => {
  const pair = new Pair([simulcast])
  pair.home.sources.length = 0
  for (let i = 0; i < 20; i++) pair.send(i, 501 + i, { 4: '1', 10: 'q' })
  pair.advance(0)
  assert.deepEqual(
    pair.home.sources.map(({ sources }) => sources.length),
    [20],
  )
  for (let i = 20; i < 60; i++) {
    pair.send(i, 501 + i, { 4: '1', 10: 'q' })
    pair.advance(1)
  }
  assert.deepEqual(
    pair.home.sources.map(({ sources }) => sources.length),
    [20, 40, 60],
  )
})

test('what a mirror is told of its SSRCs is all that holds', () => {
  const pair = new Pair()
  const said = { mid: '1', rid: '', rtx: false, repairs: -1, replaced: false }
  const ssrcs = () => [501, 502, 503].map((ssrc) => pair.mirror.encodingOf(ssrc) !== undefined)
  pair.mirror.setSources(
    [501, 502].map((ssrc) => ({ ...said, ssrc })),
    0,
  )
  assert.deepEqual(ssrcs(), [true, true, false])
  pair.mirror.setSources(
    [502, 503].map((ssrc) => ({ ...said, ssrc })),
    0,
  )
  assert.deepEqual(ssrcs(), [false, true, true])
})

test('an SSRC that the publisher lists again takes over on the mirror at once', () => {
  const pair = new Pair()
  pair.tell()
  const viewer = pair.away.subscriber(pair.mirror, [sendVideo(0x1000)])
  const list = (ssrc: number) => {
    pair.publisher.setReceiveStreams([{ ...videoStream, ssrcs: [{ ssrc }] }], pair.home.nowMs)
    pair.tell()
  }
  const arrived = (seq: number, ssrc: number) => {
    pair.send(seq, ssrc, {}, true)
    pair.cross()
    const count = pair.away.io.takeRtp().filter(({ transport }) => transport === viewer.transport).length
    pair.advance(20)
    pair.cross()
    return count
  }
  assert.equal(arrived(0, VIDEO_SSRC), 1)
  list(777)
  assert.equal(arrived(10, 777), 1)
  list(VIDEO_SSRC)
  assert.equal(arrived(1, VIDEO_SSRC), 1)
})

test('a mirror guesses nothing: what it has not been told of is dropped', () => {
  const pair = new Pair([simulcast])
  pair.send(0, 501, { 4: '1', 10: 'q' })
  pair.cross()
  assert.equal(pair.away.router.totals.drop_unknown_stream, 1)
  assert.deepEqual(pair.mirror.info(0).inbound[0]!.encodings, [])
})

test('keyframes and lost packets are asked of the worker that has them, and what was stored is sent again', () => {
  const pair = new Pair()
  pair.tell()
  const viewer = pair.away.subscriber(pair.mirror, [sendVideo(0x1000)])
  pair.send(0, VIDEO_SSRC, {}, false)
  assert.deepEqual(pair.cross(), [Frame.packet, Frame.request], 'the viewer came in the middle')
  pair.advance(10)
  assert.deepEqual(
    pair.home.said().flatMap(({ keyframes }) => keyframes),
    [VIDEO_SSRC],
  )
  pair.advance(40)
  pair.send(1, VIDEO_SSRC, {}, true)
  pair.cross()
  pair.send(2)
  pair.home.io.takeRtp()
  pair.send(3)
  assert.deepEqual(pair.cross(), [Frame.packet])
  pair.away.io.takeRtp()
  pair.advance(20)
  assert.deepEqual(pair.cross(), [Frame.request], 'a hole shows')
  assert.deepEqual(pair.cross(), [Frame.packet], 'and is filled')
  const [filled] = pair.away.io.takeRtp()
  assert.equal(filled!.transport, viewer.transport)
  assert.deepEqual([filled!.payload.at(-1), filled!.marker], [2, true])
  assert.equal(pair.home.router.totals.relay_repeated, 1)
  assert.equal(pair.home.router.totals.nack_sent, 0)
})

test('what comes after a silence is asked for again, though nobody elsewhere has said anything meanwhile', () => {
  const pair = new Pair()
  pair.tell()
  pair.away.subscriber(pair.mirror, [sendVideo(0x1000)])
  for (let seq = 0; seq < 40; seq++) {
    pair.send(seq)
    pair.cross()
    pair.advance(50)
    pair.cross()
  }
  for (let i = 0; i < 8; i++) {
    pair.advance(1000)
    pair.cross()
  }
  assert.equal(pair.home.router.totals.nack_sent, 0)
  pair.send(40)
  pair.cross()
  // The report that looks whether anybody still watches comes before the hole is asked for.
  pair.advance(97)
  pair.send(42)
  pair.cross()
  pair.advance(10)
  assert.equal(pair.home.router.totals.nack_sent, 1)
})

test('only the reports of a publisher cross, and nothing of them is counted twice', () => {
  const pair = new Pair()
  pair.tell()
  const bytes = new Uint8Array(128)
  const report = { ssrc: VIDEO_SSRC, ntpSeconds: 1, ntpFraction: 2, rtpTimestamp: 3, packetCount: 4, octetCount: 5 }
  pair.home.rtcp(pair.publisher, bytes.subarray(0, writeReceiverReport(bytes, 0, 9, [], 0)).slice())
  assert.deepEqual(pair.cross(), [])
  pair.home.rtcp(pair.publisher, bytes.subarray(0, writeSenderReport(bytes, 0, report, [], 0)).slice())
  assert.deepEqual(pair.cross(), [Frame.report])
  const counts = ({ router }: Scene) => [router.totals.sr_received, router.totals.rr_received]
  assert.deepEqual(
    [counts(pair.home), counts(pair.away)],
    [
      [1, 1],
      [0, 0],
    ],
  )
})

test('a packet that does not fit a link is dropped where it arrives', () => {
  const pair = new Pair()
  const send = (bytes: number) => {
    const payload = new Uint8Array(bytes - 12)
    pair.home.rtp(pair.publisher, { pt: 96, seq: 0, ssrc: VIDEO_SSRC, timestamp: 0, marker: true, payload })
    return pair.cross()
  }
  assert.deepEqual(send(1473), [])
  assert.equal(pair.home.router.totals.drop_rtp_oversize, 1)
  assert.deepEqual(send(1472), [Frame.packet])
})

test('a need that has not risen wakes nobody', () => {
  const needs = new NeedsElsewhere()
  assert.deepEqual(
    [
      needs.say(1, 500, 0),
      needs.say(1, 500, 10),
      needs.say(2, 400, 20),
      needs.say(1, 600, 30),
      needs.say(1, 100, 40),
      needs.say(2, 300, 50),
      needs.say(2, 301, 60),
    ],
    [true, false, false, true, false, false, true],
  )
  assert.equal(needs.bps(70), 301)
})

test('sound that is repeated is as audible as it was, and silence is not repeated', () => {
  const pair = new Pair([{ ...audioStream, nack: true }], 1)
  pair.publisher.enter('hall')
  const rival = pair.home.publisher([{ ...audioStream, nack: true }], PUBLISHER + 1)
  rival.enter('hall')
  const speak = (peer: Peer, seq: number, level: number) => {
    const payload = new Uint8Array(40).fill(seq)
    const extensions = { 1: String.fromCharCode(level) }
    pair.home.rtp(peer, { pt: 111, seq, ssrc: AUDIO_SSRC, timestamp: seq * 960, payload, extensions })
    pair.advance(20)
  }
  const repeated = (seq: number) => {
    const bytes = new Uint8Array(64)
    const length = writeNack(bytes, 0, 9, AUDIO_SSRC, Uint16Array.of(seq), 1, 64)
    pair.home.io.rx.set(bytes, 3000)
    pair.home.router.requested(pair.home.nowMs, pair.publisher, pair.route, 3000, length)
    return pair.cross()
  }
  speak(pair.publisher, 0, 20)
  assert.deepEqual(repeated(0), [Frame.packet], 'nobody was known to watch: it came, and is not kept')
  for (let seq = 1; seq < 50; seq++) speak(pair.publisher, seq, 20)
  assert.ok(pair.cross().every((frame) => frame === Frame.packet))
  for (let seq = 50; seq < 90; seq++) {
    speak(pair.publisher, seq, 127)
    speak(rival, seq, 10)
  }
  const silent = 50 + pair.cross().indexOf(Frame.inaudible)
  assert.ok(silent > 50)
  assert.deepEqual([repeated(silent - 1), repeated(silent), repeated(silent + 3)], [[Frame.packet], [], []])
})

test('the publisher is asked for what viewers elsewhere can use, as long as they are there', () => {
  const ids = { ...videoStream.extensions, 'transport-cc': 5 }
  const pair = new Pair([{ ...videoStream, extensions: ids }])
  pair.tell()
  const viewer = pair.away.subscriber(pair.mirror, [sendVideo(0x1000)])
  const second = (seq: number) => {
    for (let i = 0; i < 10; i++) {
      pair.send(seq + i, VIDEO_SSRC, {}, i === 0)
      pair.cross()
      pair.advance(100)
      pair.cross()
    }
  }
  for (let i = 0; i < 8; i++) second(i * 10)
  assert.equal(pair.publisher.info(0).uplink.capBps, 2_500_000)
  viewer.prefer({ video: { paused: true }, mids: [] }, pair.away.nowMs)
  for (let i = 8; i < 20; i++) second(i * 10)
  assert.equal(pair.publisher.info(0).uplink.capBps, 50_000)
  viewer.prefer({ mids: [] }, pair.away.nowMs)
  // The needs of both workers are looked at from time to time.
  second(200)
  second(210)
  assert.equal(pair.publisher.info(0).uplink.capBps, 2_500_000)
})

test('a link counts what it loses, however much it is, and begins under another SSRC before numbers repeat', () => {
  const link = new Link()
  for (const [ssrc, number] of [
    [1, 65_534],
    [1, 65_535],
    [2, 0],
    [2, 3],
    [2, 1],
    [4, 4],
  ] as const)
    link.received(ssrc, number)
  assert.equal(link.lost, 2 + 2 * 65_536)
  link.renew(5)
  link.received(1, 9)
  assert.equal(link.lost, 2 + 2 * 65_536)
  const rows: number[][] = []
  const out = { row: (...row: number[]) => rows.push(row) }
  for (let i = 0; i < 65_538; i++) link.row(out, Frame.packet, MIRROR)
  assert.deepEqual(
    [0, 1, 65_535, 65_536, 65_537].map((at) => rows[at]!.slice(0, 5)),
    [
      [5, 1, Frame.packet, 0, MIRROR],
      [5, 1, Frame.packet, 1, MIRROR],
      [5, 1, Frame.packet, 65_535, MIRROR],
      [5, 2, Frame.packet, 0, MIRROR],
      [5, 2, Frame.packet, 1, MIRROR],
    ],
  )
})

test('without a transport nothing is sent', () => {
  const pair = new Pair()
  const link = new Link()
  pair.publisher.addRoute({ link, mirror: 9 })
  const before = pair.home.io.fanouts
  pair.send(0)
  assert.equal(pair.home.io.fanouts - before, 1)
  assert.deepEqual(pair.cross(), [Frame.packet])
})
