import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peer } from './router.js'
import { rtpPacket, vp8Rest } from './testing/packets.js'
import { elementOf } from './testing/recording-io.js'
import { audioStream, PUBLISHER, Scene, sendAudio, sendVideo, VIDEO_SSRC, videoStream } from './testing/scene.js'
import { frame, gapless, opus } from './testing/streams.js'

test('one publisher, three subscribers: each gets every packet under its own SSRC, numbers, type, extensions', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  for (const ssrc of [10, 20, 30]) scene.subscriber(publisher, [sendAudio(ssrc, { mid: `m${ssrc}` })])
  for (let i = 0; i < 5; i++) scene.rtp(publisher, opus((65_533 + i) & 0xffff, 0xffff_f000 + i * 960))
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 15)
  assert.equal(scene.io.fanouts, 5, 'one crossing per packet')
  for (const [index, ssrc] of [10, 20, 30].entries()) {
    const own = sent.filter((packet) => packet.ssrc === ssrc)
    assert.equal(own.length, 5)
    gapless(own)
    assert.ok(own[0]!.extSeq < 0x8000)
    for (const [i, packet] of own.entries()) {
      assert.equal(packet.transport, index + 1)
      assert.equal(packet.pt, 109)
      assert.equal((packet.timestamp - own[0]!.timestamp) >>> 0, i * 960)
      assert.deepEqual(packet.payload, Uint8Array.of(1, 2, (65_533 + i) & 0xff))
      assert.deepEqual(elementOf(packet.extension, 5), Uint8Array.of(0x85))
      assert.equal(Buffer.from(elementOf(packet.extension, 3)!).toString(), `m${ssrc}`)
    }
  }
  assert.equal(new Set(sent.slice(0, 3).map(({ timestamp }) => timestamp)).size, 3, 'offsets are random')
  assert.equal(scene.router.totals.forwarded_packets, 15)
  assert.equal(scene.router.totals.forwarded_bytes, 45)
  assert.equal(scene.router.totals.received_packets, 5)
  assert.deepEqual(scene.router.live(), { peers: 4, publications: 2, subscriptions: 3, links: 0 })
})

test('nothing is sent before connected, and audio flows at once after it', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.router.openPeer(7, 7, scene.nowMs)
  peer.follow(publisher, scene.nowMs)
  peer.setSendStreams([sendAudio(10)], scene.nowMs)
  scene.rtp(publisher, opus(1))
  assert.equal(scene.io.takeRtp().length, 0)
  peer.connected(scene.nowMs)
  scene.rtp(publisher, opus(2))
  assert.equal(scene.io.takeRtp().length, 1)
})

test('a late joiner waits for the keyframe that is asked for on its behalf', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendVideo(10)])
  scene.rtp(publisher, frame(1, true))
  scene.rtp(publisher, frame(2, false))
  assert.equal(scene.io.takeRtp().length, 2)
  assert.deepEqual(
    scene.said().flatMap(({ keyframes }) => keyframes),
    [],
    'the stream began with one',
  )
  scene.subscriber(publisher, [sendVideo(20)])
  scene.advance(0)
  const [said] = scene.said()
  assert.deepEqual(said!.keyframes, [VIDEO_SSRC])
  assert.equal(said!.transport, PUBLISHER)
  assert.deepEqual(said!.types, [201, 202, 206], 'compound: RR, SDES, PLI')
  scene.rtp(publisher, frame(3, false))
  assert.deepEqual(
    scene.io.takeRtp().map(({ ssrc }) => ssrc),
    [10],
  )
  assert.equal(scene.router.totals.drop_await_keyframe, 1)
  scene.rtp(publisher, frame(4, true))
  scene.rtp(publisher, frame(5, false))
  assert.deepEqual(
    scene.io.takeRtp().map(({ ssrc }) => ssrc),
    [10, 20, 10, 20],
  )
  scene.advance(3000)
  assert.deepEqual(
    scene.said().flatMap(({ keyframes }) => keyframes),
    [],
  )
})

test('a keyframe request is repeated until one comes', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.rtp(publisher, frame(1, false))
  scene.subscriber(publisher, [sendVideo(10)])
  let plis = 0
  for (let i = 2; i < 22; i++) {
    scene.rtp(publisher, frame(i, false))
    scene.advance(100)
    plis += scene.said().flatMap(({ keyframes }) => keyframes).length
  }
  assert.equal(plis, 4 + 1)
  scene.rtp(publisher, frame(22, true))
  scene.advance(900)
  assert.deepEqual(
    scene.said().flatMap(({ keyframes }) => keyframes),
    [],
  )
})

test('pause and resume: nothing passes, then numbers continue and video begins at a keyframe', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10), sendVideo(20)])
  let at = 0
  const both = (count: number, keyframe = false) => {
    for (let i = 0; i < count; i++) {
      at++
      scene.rtp(publisher, opus(at))
      scene.rtp(publisher, frame(at, keyframe && i === 0))
      scene.advance(20)
    }
  }
  both(10, true)
  peer.setPaused(true, scene.nowMs)
  peer.setPaused(true, scene.nowMs)
  const before = scene.io.takeRtp()
  assert.equal(before.length, 20)
  both(100, true)
  assert.equal(scene.io.takeRtp().length, 0)
  scene.said()
  peer.setPaused(false, scene.nowMs)
  scene.advance(0)
  assert.deepEqual(
    scene.said().flatMap(({ keyframes }) => keyframes),
    [VIDEO_SSRC],
  )
  both(3)
  both(3, true)
  const after = scene.io.takeRtp()
  for (const [ssrc, count, ticks] of [
    [10, 6, 960],
    [20, 3, 3000],
  ] as const) {
    const own = [...before, ...after].filter((packet) => packet.ssrc === ssrc)
    assert.equal(own.length, 10 + count)
    gapless(own)
    const pause = (own[10]!.timestamp - own[9]!.timestamp) >>> 0
    assert.equal(pause, (ssrc === 10 ? 101 : 104) * ticks, 'time went on')
  }
})

test('late packets of a pause do not leak out afterwards', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10)])
  scene.rtp(publisher, opus(1))
  peer.setPaused(true, scene.nowMs)
  scene.rtp(publisher, opus(2))
  scene.rtp(publisher, opus(4))
  peer.setPaused(false, scene.nowMs)
  scene.rtp(publisher, opus(5))
  scene.rtp(publisher, opus(3))
  const sent = scene.io.takeRtp()
  gapless(sent)
  assert.deepEqual(
    sent.map(({ payload }) => payload[2]),
    [1, 5],
  )
  assert.equal(scene.router.totals.drop_unmapped, 1)
})

test('hang-up and re-offer: the new publisher takes over where the old one ended', () => {
  const scene = new Scene()
  const first = scene.publisher()
  const peer = scene.subscriber(first, [sendAudio(10), sendVideo(20)])
  scene.rtp(first, opus(1))
  scene.rtp(first, frame(1, true))
  scene.router.closePeer(PUBLISHER, scene.nowMs)
  scene.router.closePeer(PUBLISHER, scene.nowMs)
  assert.deepEqual(scene.media, ['100 0 audio true', '100 1 video true'], 'nothing is said of the closed')
  const before = scene.io.takeRtp()
  scene.advance(2000)
  peer.follow(200, scene.nowMs)
  const second = scene.publisher([audioStream, videoStream], 200)
  scene.rtp(second, opus(9000, 77))
  scene.rtp(second, frame(9000, true, 77))
  const after = scene.io.takeRtp()
  for (const [ssrc, ticks] of [
    [10, 96_000],
    [20, 180_000],
  ] as const) {
    const [a, b] = [...before, ...after].filter((packet) => packet.ssrc === ssrc)
    assert.equal(b!.extSeq, a!.extSeq + 1)
    assert.equal((b!.timestamp - a!.timestamp) >>> 0, ticks)
  }
})

test('an m-line that ends, comes back, and one that appears later', () => {
  const scene = new Scene()
  const publisher = scene.publisher([audioStream])
  scene.subscriber(publisher, [sendAudio(10), sendVideo(20)])
  scene.rtp(publisher, opus(1))
  publisher.setReceiveStreams([{ ...audioStream, active: false }, videoStream], scene.nowMs)
  assert.deepEqual(scene.media, ['100 0 audio true', '100 0 audio false'])
  scene.rtp(publisher, opus(2))
  assert.equal(scene.router.totals.drop_unknown_stream, 1)
  scene.rtp(publisher, frame(1, true))
  publisher.setReceiveStreams([audioStream, videoStream], scene.nowMs)
  scene.rtp(publisher, opus(3))
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ ssrc }) => ssrc),
    [10, 20, 10],
  )
  assert.equal(sent[2]!.extSeq, sent[0]!.extSeq + 1)
  publisher.setReceiveStreams([], scene.nowMs)
  assert.deepEqual(scene.router.live(), { peers: 2, publications: 0, subscriptions: 2, links: 0 })
})

test('a codec that the subscriber did not accept is not sent; video goes on at a keyframe of one that it did', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendVideo(20, { payloadTypes: [{ codec: 'VP8', pt: 120 }] })])
  scene.rtp(publisher, frame(1, true))
  scene.rtp(publisher, { ...frame(2, true), pt: 102, payload: Uint8Array.of(0x67, 1, 2) })
  scene.rtp(publisher, { ...frame(3, true), pt: 102, payload: Uint8Array.of(0x67, 1, 2) })
  scene.rtp(publisher, frame(4, false))
  scene.rtp(publisher, frame(5, true))
  scene.rtp(publisher, { ...frame(6, true), pt: 77 })
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 2)
  gapless(sent)
  assert.equal(scene.router.totals.drop_codec, 2)
  assert.equal(scene.router.totals.drop_await_keyframe, 1)
  assert.equal(scene.router.totals.drop_payload_type, 1)
})

test('RED goes to who accepted it; others get the Opus in it', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  scene.subscriber(publisher, [sendAudio(20, { payloadTypes: [{ codec: 'opus', pt: 109 }] })])
  //                                  F=1 pt 111, offset 960, length 2 | primary 111 | old  | primary
  const red = Uint8Array.of(0x80 | 111, 0x0f, 0x00, 0x02, 111, 0xaa, 0xbb, 1, 2, 3)
  scene.rtp(publisher, { ...opus(1), pt: 63, payload: red })
  scene.rtp(publisher, { ...opus(2), pt: 63, payload: Uint8Array.of(0x80 | 111, 0x0f, 0x03, 0xff, 111, 1) })
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ ssrc, pt, payload }) => [ssrc, pt, payload.length]),
    [
      [10, 110, 10],
      [20, 109, 3],
      [10, 110, 6],
    ],
  )
  assert.deepEqual(sent[1]!.payload, Uint8Array.of(1, 2, 3))
  assert.equal(scene.router.totals.drop_codec, 1)
})

test('media events: at the first packet, after a second of silence, and again', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.rtp(publisher, opus(1))
  scene.advance(900)
  scene.rtp(publisher, opus(2))
  scene.advance(999)
  assert.deepEqual(scene.media, ['100 0 audio true'])
  scene.advance(1)
  assert.deepEqual(scene.media, ['100 0 audio true', '100 0 audio false'])
  scene.rtp(publisher, opus(3))
  assert.equal(scene.media.length, 3)
  scene.advance(5000)
  assert.equal(scene.router.deadlineMs, Number.POSITIVE_INFINITY, 'nothing is due in silence')
})

test('a subscriber waits for a publisher that opens later, and outlives it', () => {
  const scene = new Scene()
  scene.subscriber(PUBLISHER, [sendAudio(10)])
  const publisher = scene.publisher()
  scene.rtp(publisher, opus(1))
  assert.equal(scene.io.takeRtp().length, 1)
  scene.router.closePeer(PUBLISHER, scene.nowMs)
  scene.advance(5000)
  assert.deepEqual(scene.router.live(), { peers: 1, publications: 0, subscriptions: 1, links: 0 })
})

test('an SSRC that was taken out and comes back never repeats a number', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10)])
  scene.rtp(publisher, opus(1))
  peer.setSendStreams([], scene.nowMs)
  scene.rtp(publisher, opus(2))
  peer.setSendStreams([sendAudio(10, { active: false })], scene.nowMs)
  peer.follow(null, scene.nowMs)
  peer.setSendStreams([sendAudio(10)], scene.nowMs)
  peer.follow(publisher, scene.nowMs)
  scene.rtp(publisher, opus(3))
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 2)
  gapless(sent)
})

test('subscribers with the same mid and ids share one extension block, also after they change them', () => {
  const scene = new Scene()
  const publisher = scene.publisher([audioStream])
  const peers = [1, 2, 3].map((ssrc) => scene.subscriber(publisher, [sendAudio(ssrc)]))
  const profiles = () => new Set(publisher.publications[0]!.subscriptions.map(({ profile }) => profile))
  assert.equal(profiles().size, 1)
  peers[0]!.setSendStreams([sendAudio(1, { mid: 'other' })], scene.nowMs)
  assert.equal(profiles().size, 2)
  peers[1]!.setSendStreams([sendAudio(2, { mid: 'other' })], scene.nowMs)
  assert.equal(profiles().size, 2)
  scene.rtp(publisher, opus(1))
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ extension }) => Buffer.from(elementOf(extension, 3)!).toString()),
    ['other', 'other', 'a'],
  )
  assert.deepEqual(sent[0]!.extension, sent[1]!.extension)
})

test('five thousand subscribers of different mids: scratch is begun anew as often as needed', () => {
  const scene = new Scene()
  const publisher = scene.publisher([audioStream], 90_000)
  const peers: Peer[] = []
  for (let i = 0; i < 5000; i++)
    peers.push(scene.subscriber(publisher, [sendAudio(10_000 + i, { mid: `${i}`.repeat(4) })]))
  scene.rtp(publisher, { ...opus(1), payload: new Uint8Array(20) })
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 5000)
  for (const [i, packet] of sent.entries()) {
    assert.equal(Buffer.from(elementOf(packet.extension, 3)!).toString(), `${i}`.repeat(4))
  }
  assert.ok(scene.io.fanouts >= 2)
})

test('transport-cc: each subscriber gets numbers of its own transport', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const ids = { mid: 3, 'transport-cc': 8 }
  scene.subscriber(publisher, [sendAudio(10, { extensions: ids }), sendVideo(11, { extensions: ids })])
  scene.subscriber(publisher, [sendAudio(20, { extensions: ids })])
  scene.rtp(publisher, opus(1))
  scene.rtp(publisher, frame(1, true))
  scene.rtp(publisher, opus(2))
  const sent = scene.io.takeRtp()
  const numbers = (transport: number) =>
    sent
      .filter((p) => p.transport === transport)
      .map(({ extension }) => Buffer.from(elementOf(extension, 8)!).readUInt16BE())
  const [first, second, third] = numbers(1)
  assert.deepEqual([second, third], [(first! + 1) & 0xffff, (first! + 2) & 0xffff])
  const [other, next] = numbers(2)
  assert.equal(next, (other! + 1) & 0xffff)
})

test('hostile RTP: every prefix and every flipped byte of packets is counted or forwarded, never thrown', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10), sendVideo(20)])
  const samples = [
    rtpPacket(frame(1, true)),
    rtpPacket({ ...opus(1), padding: 8 }),
    rtpPacket({ pt: 97, seq: 1, ssrc: VIDEO_SSRC + 1, payload: vp8Rest() }),
    rtpPacket({ ...opus(1), pt: 63, payload: Uint8Array.of(0xef, 1, 2, 3, 0x6f) }),
  ]
  for (const sample of samples) {
    for (let length = 0; length <= sample.length; length++) scene.bytes(publisher, sample.subarray(0, length), 'rtp')
    for (let at = 0; at < sample.length; at++) {
      for (const value of [0, 0x7f, 0x80, 0xff]) {
        const broken = sample.slice()
        broken[at] = value
        scene.bytes(publisher, broken, 'rtp')
      }
    }
  }
  scene.advance(3000)
  assert.ok(scene.router.totals.drop_rtp_malformed > 50)
  for (const [name, value] of Object.entries(scene.router.totals)) assert.ok(Number.isFinite(value), name)
})

test('nothing is left when all peers are closed, in any order, and late calls on them are harmless', () => {
  for (const order of [
    [PUBLISHER, 1, 2],
    [2, PUBLISHER, 1],
    [1, 2, PUBLISHER],
  ]) {
    const scene = new Scene()
    const publisher = scene.publisher()
    const peers = [1, 2].map(() => scene.subscriber(publisher, [sendAudio(10), sendVideo(20)]))
    scene.rtp(publisher, opus(1))
    scene.rtp(publisher, frame(1, true))
    scene.rtp(publisher, frame(5, false))
    for (const endpoint of order) scene.router.closePeer(endpoint, scene.nowMs)
    assert.deepEqual(scene.router.live(), { peers: 0, publications: 0, subscriptions: 0, links: 0 })
    for (const peer of [publisher, ...peers]) {
      peer.setReceiveStreams([audioStream], scene.nowMs)
      peer.setSendStreams([sendAudio(10)], scene.nowMs)
      peer.follow(publisher, scene.nowMs)
      peer.setPaused(true, scene.nowMs)
      peer.connected(scene.nowMs)
      peer.close(scene.nowMs)
    }
    scene.io.takeRtp()
    scene.said()
    scene.rtp(publisher, opus(2))
    scene.advance(5000)
    assert.deepEqual([scene.io.rtpSent, scene.io.rtcpSent], [[], []])
    assert.equal(scene.router.deadlineMs, Number.POSITIVE_INFINITY)
  }
})

test('what comes soon after the last viewer has gone is kept, whenever that is', () => {
  const scene = new Scene()
  scene.nowMs = 500_000
  const publisher = scene.publisher()
  const viewer = scene.subscriber(publisher, [sendVideo(20)])
  scene.rtp(publisher, frame(1, true))
  const { history, newestExtSeq } = publisher.publications[1]!.encodings[0]!
  scene.router.closePeer(viewer.endpoint, scene.nowMs)
  const kept = [300, 600, 300].map((ms, i) => {
    scene.advance(ms)
    scene.rtp(publisher, frame(2 + i, false))
    return history.find(newestExtSeq + 1 + i) >= 0
  })
  assert.deepEqual(kept, [true, true, false], 'for a second')
})

test('m-lines beyond those that one peer may have are counted, and leave the others alone', () => {
  const scene = new Scene()
  const publisher = scene.publisher(
    Array.from({ length: 70 }, (_, i) => ({ ...videoStream, mid: `${i}`, index: i, ssrcs: [] })),
  )
  assert.equal(publisher.publications.length, 64)
  assert.equal(scene.router.totals.lines_refused, 6)
  const viewer = scene.subscriber(publisher, [])
  for (let round = 0; round < 5; round++) {
    viewer.setSendStreams(
      Array.from({ length: 64 }, (_, i) => sendVideo(1000 * (round + 1) + i * 2, { mid: `${i}`, index: i })),
      scene.nowMs,
    )
  }
  assert.equal(viewer.feeds.length, 256)
  assert.equal(scene.router.totals.lines_refused, 6 + 64)
})
