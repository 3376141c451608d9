/** A publisher in one router, its mirror in another, and what passes between them: names of SSRCs, needs, requests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peer } from '../router.js'
import { vp8 } from '../testing/packets.js'
import { PUBLISHER, Scene, sendVideo, VIDEO_SSRC, videoStream } from '../testing/scene.js'
import { Frame, Link } from './link.js'

const LINK = 900
const MIRROR = 77

/** Two routers, and a link that hands over what the test lets through. */
class Pair {
  readonly home = new Scene()
  readonly away = new Scene()
  readonly publisher: Peer
  readonly mirror: Peer
  readonly #there = new Link()
  readonly #back = new Link()

  constructor(streams = [videoStream]) {
    this.#there.renew(LINK)
    this.#back.renew(LINK)
    this.publisher = this.home.publisher(streams)
    this.mirror = this.away.router.openMirror(MIRROR, { link: this.#back, mirror: MIRROR })
    this.mirror.receive(streams, this.away.nowMs)
    this.publisher.addWay({ link: this.#there, mirror: MIRROR })
  }

  /** What the workers tell each other through the main process. */
  tell(): void {
    for (const { endpoint, sources } of this.home.sources.splice(0)) {
      assert.equal(endpoint, PUBLISHER)
      this.mirror.name(sources, this.away.nowMs)
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
          const way = { link: this.#there, mirror: MIRROR }
          to.router.requested(to.nowMs, this.publisher, way, 3000, payload.length)
        } else if (pt === Frame.report) to.router.rtcp(to.nowMs, this.mirror, 3000, payload.length)
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
    pair.home.said().flatMap(({ pli }) => pli),
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

test('a link counts what it loses, and begins under another SSRC when its numbers are used up', () => {
  const link = new Link(0xffff_fffe)
  for (const number of [65_534, 65_535, 0, 3, 1, 4]) link.received(number)
  assert.equal(link.lost, 2)
  link.renew(5)
  link.received(9)
  assert.equal(link.lost, 2)
  const rows: number[][] = []
  const out = { row: (...row: number[]) => rows.push(row) }
  for (let i = 0; i < 3; i++) link.row(out, Frame.packet, MIRROR)
  assert.deepEqual(
    rows.map(([transport, ssrc, frame, number, mirror]) => [transport, ssrc, frame, number, mirror]),
    [
      [5, 1, Frame.packet, 0xffff_fffe, MIRROR],
      [5, 1, Frame.packet, 0xffff_ffff, MIRROR],
      [5, 2, Frame.packet, 0, MIRROR],
    ],
  )
})

test('without a transport nothing is sent', () => {
  const pair = new Pair()
  const link = new Link()
  pair.publisher.addWay({ link, mirror: 9 })
  const before = pair.home.io.fanouts
  pair.send(0)
  assert.equal(pair.home.io.fanouts - before, 1)
  assert.deepEqual(pair.cross(), [Frame.packet])
})
