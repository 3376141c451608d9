import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RtcpType, TransportFeedback, writeFeedback, writeNack } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { MAX_SENT } from './sequence-map.js'
import { rtxPayload, vp8, vp8Rest } from './testing/packets.js'
import { elementOf, type SentRtp } from './testing/recording-io.js'
import {
  AUDIO_SSRC,
  audioStream,
  Scene,
  sendAudio,
  sendVideo,
  VIDEO_RTX_SSRC,
  VIDEO_SSRC,
  videoStream,
} from './testing/scene.js'

const packet = (seq: number, change: object = {}) => ({
  pt: 96,
  seq: seq & 0xffff,
  timestamp: seq * 3000,
  ssrc: VIDEO_SSRC,
  extensions: { 4: '1', 2: Uint8Array.of(1, 2, 3), 6: Uint8Array.of(1) },
  payload: seq === 1 ? vp8(true, 1) : vp8Rest(seq & 0xff),
  ...change,
})

const rtx = (seq: number, osn: number, change: object = {}) =>
  packet(osn, { pt: 97, seq, ssrc: VIDEO_RTX_SSRC, payload: rtxPayload(osn & 0xffff, packet(osn).payload), ...change })

function nack(scene: Scene, peer: Peer, ssrc: number, ...extSeqs: number[]): void {
  const bytes = new Uint8Array(1500)
  const seqs = extSeqs.map((extSeq) => extSeq & 0xffff)
  scene.rtcp(peer, bytes.subarray(0, writeNack(bytes, 0, 99, ssrc, seqs)))
}

const noRtx = {
  rtxSsrc: 0,
  payloadTypes: [{ codec: 'VP8' as const, pt: 120 }],
  extensions: { mid: 3, 'abs-send-time': 2, 'video-orientation': 7 },
}

/** A publisher and a subscriber that got packets 1…count. */
function running(count: number, change: object = {}): { scene: Scene; publisher: Peer; peer: Peer; sent: SentRtp[] } {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendVideo(20, change)])
  for (let seq = 1; seq <= count; seq++) scene.rtp(publisher, packet(seq))
  scene.said()
  return { scene, publisher, peer, sent: scene.io.takeRtp() }
}

test('RTX to a subscriber: own SSRC, type and numbers; the original number in front; the rest as it was', () => {
  const { scene, peer, sent } = running(5)
  nack(scene, peer, 20, sent[1]!.extSeq, sent[3]!.extSeq)
  const again = scene.io.takeRtp()
  assert.equal(again.length, 2)
  assert.equal(again[1]!.extSeq, again[0]!.extSeq + 1)
  assert.ok(again[0]!.extSeq < 0x8000)
  for (const [i, packet] of again.entries()) {
    const original = sent[1 + i * 2]!
    assert.equal(packet.ssrc, 21)
    assert.equal(packet.pt, 121)
    assert.equal(packet.timestamp, original.timestamp)
    assert.equal(packet.marker, original.marker)
    assert.deepEqual(packet.extension, original.extension)
    assert.deepEqual(
      packet.payload,
      Uint8Array.from([original.extSeq >> 8, original.extSeq & 0xff, ...original.payload]),
    )
  }
  assert.equal(scene.router.totals.rtx_sent, 2)
  assert.equal(scene.router.totals.nack_received, 2)
})

test('a subscriber has RTX also of a publisher that has none', () => {
  const scene = new Scene()
  const plain = { ...videoStream, payloadTypes: [{ codec: 'VP8' as const, pt: 96 }], ssrcs: [{ ssrc: VIDEO_SSRC }] }
  const publisher = scene.publisher([plain])
  const peer = scene.subscriber(publisher, [sendVideo(20)])
  for (let seq = 1; seq <= 5; seq++) scene.rtp(publisher, packet(seq))
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 5)
  nack(scene, peer, 20, sent[2]!.extSeq)
  const again = scene.io.takeRtp()
  assert.deepEqual(
    again.map(({ ssrc, pt, timestamp, payload }) => ({ ssrc, pt, timestamp, payload })),
    [{ ssrc: 21, pt: 121, timestamp: sent[2]!.timestamp, payload: rtxPayload(sent[2]!.extSeq, sent[2]!.payload) }],
  )
  assert.deepEqual([scene.router.totals.rtx_sent, scene.router.totals.resent_packets], [1, 0])
  // What the publisher itself is asked for comes as the same packet again.
  scene.rtp(publisher, packet(7))
  scene.advance(5)
  assert.deepEqual(
    scene.said().flatMap(({ nacks }) => nacks),
    [{ ssrc: VIDEO_SSRC, seqs: [6] }],
  )
  scene.rtp(publisher, packet(6))
  assert.deepEqual(
    scene.io.takeRtp().map(({ ssrc, extSeq }) => [ssrc, extSeq - sent[0]!.extSeq]),
    [
      [20, 6],
      [20, 5],
    ],
  )
})

test('without RTX exactly the same packet is sent again, abs-send-time included', () => {
  const { scene, peer, sent } = running(5, noRtx)
  scene.advance(150)
  nack(scene, peer, 20, sent[2]!.extSeq)
  const again = scene.io.takeRtp()
  assert.deepEqual(again, [sent[2]])
  assert.equal(elementOf(sent[2]!.extension, 2)!.length, 3)
  assert.equal(scene.router.totals.resent_packets, 1)
})

test('what was sent under other terms is not sent again: its bytes would differ', () => {
  for (const change of [
    { extensions: { mid: 9 } },
    { payloadTypes: [{ codec: 'VP8' as const, pt: 99 }] },
    { mid: 'x' },
  ]) {
    const { scene, peer, sent } = running(5, noRtx)
    peer.setSendStreams([sendVideo(20, { ...noRtx, ...change })], scene.nowMs)
    nack(scene, peer, 20, sent[2]!.extSeq)
    assert.equal(scene.io.takeRtp().length, 0)
    assert.equal(scene.router.totals.nack_unknown, 1)
  }
  const { scene, publisher, peer, sent } = running(5, noRtx)
  publisher.setReceiveStreams([{ ...videoStream, extensions: { mid: 4 } }], scene.nowMs)
  nack(scene, peer, 20, sent[2]!.extSeq)
  assert.equal(scene.io.takeRtp().length, 0)
})

test('numbers never sent, long gone, of another stream, or asked for by a paused subscriber', () => {
  const { scene, publisher, peer, sent } = running(5)
  nack(scene, peer, 20, sent[0]!.extSeq - 1, sent[4]!.extSeq + 1, sent[4]!.extSeq + 0x8000)
  assert.equal(scene.router.totals.nack_unknown, 3)
  nack(scene, peer, 777, sent[1]!.extSeq)
  nack(scene, peer, 21, sent[1]!.extSeq)
  assert.equal(scene.router.totals.drop_rtcp_unknown_ssrc, 2)
  peer.setPaused(true, scene.nowMs)
  nack(scene, peer, 20, sent[1]!.extSeq)
  peer.setPaused(false, scene.nowMs)
  for (let seq = 6; seq < 4200; seq++) scene.rtp(publisher, packet(seq, { payload: vp8(seq === 6) }))
  scene.io.takeRtp()
  nack(scene, peer, 20, sent[1]!.extSeq)
  assert.equal(scene.router.totals.nack_expired, 1)
  assert.equal(scene.io.takeRtp().length, 0)
})

test('who asks sooner than a round trip after a packet went out, cannot have missed it yet', () => {
  const { scene, peer, sent } = running(5)
  const { subscription } = peer.feeds[0]!
  subscription.reports.rttMs = 100
  nack(scene, peer, 20, sent[4]!.extSeq)
  assert.deepEqual([scene.io.takeRtp().length, scene.router.totals.nack_refused], [0, 1])
  scene.advance(100)
  nack(scene, peer, 20, sent[4]!.extSeq)
  assert.equal(scene.io.takeRtp().length, 1)
})

test('over a long path packets are kept for some round trips', () => {
  for (const [rttMs, found] of [
    [0, false],
    [700, true],
  ] as const) {
    const { scene, publisher, peer, sent } = running(5)
    peer.feeds[0]!.subscription.reports.rttMs = rttMs
    const big = (seq: number) => packet(seq, { payload: vp8Rest(...new Array(1000).fill(seq & 0xff)) })
    for (let seq = 6; seq < 406; seq++) {
      scene.rtp(publisher, big(seq))
      scene.advance(5)
    }
    scene.io.takeRtp()
    nack(scene, peer, 20, sent[4]!.extSeq + 1)
    assert.equal(scene.io.takeRtp().length === 1, found, `round trip of ${rttMs} ms`)
  }
})

test('one packet is sent again at most once in a while and eight times in all', () => {
  const { scene, peer, sent } = running(5)
  for (let i = 0; i < 100; i++) {
    nack(scene, peer, 20, sent[1]!.extSeq)
    nack(scene, peer, 20, sent[1]!.extSeq)
    scene.advance(5)
  }
  assert.equal(scene.io.takeRtp().length, 8)
  assert.equal(scene.router.totals.nack_refused, 192)
})

test('a hole of the publisher is asked for, its RTX goes on as the packet itself, in its place', () => {
  const { scene, publisher, sent } = running(3)
  scene.rtp(publisher, packet(6))
  scene.advance(4)
  assert.deepEqual(scene.said(), [])
  scene.advance(1)
  const [said] = scene.said()
  assert.deepEqual(said!.nacks, [{ ssrc: VIDEO_SSRC, seqs: [4, 5] }])
  assert.deepEqual(said!.types, [201, 202, 205])
  scene.rtp(publisher, rtx(900, 5))
  scene.rtp(publisher, rtx(901, 4, { padding: 9, marker: true }))
  scene.rtp(publisher, rtx(902, 4))
  const after = scene.io.takeRtp()
  assert.deepEqual(
    after.map(({ extSeq }) => extSeq - sent[0]!.extSeq),
    [5, 4, 3],
  )
  assert.deepEqual(
    after.map(({ payload }) => payload),
    [vp8Rest(6), vp8Rest(5), vp8Rest(4)],
  )
  assert.deepEqual(
    after.map(({ pt, ssrc }) => [pt, ssrc]),
    [
      [120, 20],
      [120, 20],
      [120, 20],
    ],
  )
  assert.deepEqual(
    after.map(({ marker }) => marker),
    [false, false, true],
  )
  assert.equal((after[2]!.timestamp - sent[0]!.timestamp) >>> 0, 9000)
  assert.deepEqual(elementOf(after[2]!.extension, 7), Uint8Array.of(1))
  assert.equal(scene.router.totals.drop_duplicate, 1)
  scene.advance(900)
  assert.deepEqual(
    scene.said().flatMap(({ nacks }) => nacks),
    [],
  )
})

test('a recovered packet can itself be sent again', () => {
  const { scene, publisher, peer, sent } = running(3)
  scene.rtp(publisher, packet(5))
  scene.rtp(publisher, rtx(900, 4))
  scene.io.takeRtp()
  nack(scene, peer, 20, sent[2]!.extSeq + 1)
  const [again] = scene.io.takeRtp()
  assert.deepEqual(again!.payload.subarray(2), vp8Rest(4))
})

test('RTX that carries nothing, lies about its number, or repairs nothing that is forwarded', () => {
  const { scene, publisher } = running(3)
  scene.rtp(publisher, rtx(1, 4, { payload: new Uint8Array(0), padding: 250 }))
  scene.rtp(publisher, rtx(2, 4, { payload: Uint8Array.of(0) }))
  scene.rtp(publisher, rtx(3, 4, { payload: Uint8Array.of(0, 4) }))
  assert.equal(scene.router.totals.drop_rtx_empty, 3)
  scene.rtp(publisher, rtx(4, 3 + 257))
  assert.equal(scene.router.totals.drop_jump, 1)
  scene.rtp(publisher, rtx(5, 3 + 0x8000))
  assert.equal(scene.router.totals.drop_late, 1)
  scene.rtp(publisher, rtx(6, 4, { pt: 103, payload: rtxPayload(4, Uint8Array.of(0x67, 1)) }))
  scene.rtp(publisher, rtx(7, 5, { pt: 98 }))
  assert.equal(scene.router.totals.drop_payload_type, 1)
  const fresh = new Scene()
  const other = fresh.publisher()
  fresh.rtp(other, rtx(1, 1))
  assert.equal(fresh.router.totals.drop_inactive_ssrc, 1)
  assert.deepEqual(fresh.media, [])
})

test('a hole that stays is given up after a second and a keyframe asked for instead', () => {
  const { scene, publisher } = running(3)
  let asked = 0
  let pli = 0
  for (let seq = 5; seq < 35; seq++) {
    scene.rtp(publisher, packet(seq))
    scene.advance(50)
    for (const said of scene.said()) {
      asked += said.nacks.length
      pli += said.keyframes.length
    }
    if (pli > 0) break
  }
  assert.equal(asked, 6)
  assert.equal(pli, 1)
  assert.equal(scene.router.totals.nack_given_up, 1)
  assert.equal(scene.router.totals.nack_sent, 6)
})

test('a long gap is no hundreds of NACKs: numbers close up and video waits for a keyframe', () => {
  const { scene, publisher, sent } = running(3)
  scene.rtp(publisher, packet(1000))
  scene.advance(20)
  const said = scene.said()
  assert.deepEqual(
    said.flatMap(({ nacks }) => nacks),
    [],
  )
  assert.deepEqual(
    said.flatMap(({ keyframes }) => keyframes),
    [VIDEO_SSRC],
  )
  scene.rtp(publisher, packet(1001, { payload: vp8(true) }))
  const after = scene.io.takeRtp()
  assert.equal(after.length, 1)
  assert.equal(after[0]!.extSeq, sent[2]!.extSeq + 1)
})

test('nobody is asked for anything without NACK, or while nobody subscribes', () => {
  const scene = new Scene()
  const publisher = scene.publisher([{ ...videoStream, nack: false }])
  const peer = scene.subscriber(publisher, [sendVideo(20)])
  scene.rtp(publisher, packet(1))
  scene.rtp(publisher, packet(5))
  scene.advance(90)
  publisher.setReceiveStreams([videoStream], scene.nowMs)
  peer.follow(null, scene.nowMs)
  scene.rtp(publisher, packet(9))
  scene.advance(9)
  assert.deepEqual(scene.said(), [])
})

test('RTX SSRCs are learnt by payload type with mid', () => {
  const scene = new Scene()
  const publisher = scene.publisher([{ ...videoStream, ssrcs: [] }])
  scene.subscriber(publisher, [sendVideo(20)])
  for (const seq of [1, 2, 4]) scene.rtp(publisher, packet(seq))
  scene.rtp(publisher, rtx(77, 3, { ssrc: 0x5555 }))
  assert.equal(scene.io.takeRtp().length, 4)
})

test('across 65535 → 0 and reordering, every loss is recovered in both directions', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendVideo(20)])
  const lost: number[] = []
  const got = new Map<number, Uint8Array>()
  const base = 65_400
  let rtxSeq = 0
  const collect = (drop: boolean) => {
    for (const out of scene.io.takeRtp()) {
      if (out.ssrc === 21) {
        const osn = (out.payload[0]! << 8) | out.payload[1]!
        got.set(osn, out.payload.subarray(2))
      } else if (!drop || (scene.random() >>> 16) % 10 > 0) got.set(out.extSeq & 0xffff, out.payload)
    }
  }
  let first = -1
  for (let i = 0; i < 400; i++) {
    const seq = base + i
    const payload = i === 0 ? vp8(true) : vp8Rest(i & 0xff, i >> 8)
    if (i > 0 && i < 380 && (scene.random() >>> 16) % 10 === 0) lost.push(i)
    else scene.rtp(publisher, packet(seq, { payload }))
    if (i === 0) first = scene.io.rtpSent[0]!.extSeq
    collect(i > 0)
    scene.advance(2)
    for (const { seqs: asked } of scene.said().flatMap(({ nacks }) => nacks)) {
      for (const osn of asked) {
        const index = (osn - base) & 0xffff
        assert.ok(lost.includes(index), 'only what was lost is asked for')
        const body = rtxPayload(osn, vp8Rest(index & 0xff, index >> 8))
        scene.rtp(publisher, { pt: 97, seq: rtxSeq++, timestamp: 0, ssrc: VIDEO_RTX_SSRC, payload: body })
      }
    }
    collect(true)
    const missing: number[] = []
    for (let back = 20; back > 5; back--) {
      const number = (first + i - back) & 0xffff
      if (i - back > 0 && !got.has(number)) missing.push(number)
    }
    if (missing.length > 0) nack(scene, peer, 20, ...missing)
    collect(true)
  }
  assert.ok(lost.length > 20)
  for (let i = 1; i < 375; i++)
    assert.deepEqual(got.get((first + i) & 0xffff), vp8Rest(i & 0xff, i >> 8), `packet ${i}`)
  assert.equal(scene.router.totals.nack_given_up, 0)
})

test('numbers are looked up as fast as a receiver can need it, however many a packet names', () => {
  const { scene, peer } = running(5)
  const bytes = new Uint8Array(1412)
  // 350 entries of 17 numbers each, of which 512 are read.
  const length = writeNack(bytes, 0, 99, 20, [7], 1) + 349 * 4
  writeFeedback(bytes, 0, RtcpType.rtpfb, TransportFeedback.nack, length, 99, 20)
  bytes.fill(0xff, 12, length)
  const floods = (count: number) => {
    for (let i = 0; i < count; i++) scene.rtcp(peer, bytes.subarray(0, length))
  }
  const { totals } = scene.router
  const lookedUp = () => totals.nack_received - totals.nack_refused
  floods(3)
  assert.deepEqual([totals.nack_received, lookedUp()], [3 * 350 * 17, 3 * 512])
  floods(97)
  assert.deepEqual([totals.nack_received, lookedUp()], [100 * 350 * 17, 2048])
  assert.equal(totals.nack_unknown, 2048)
  scene.advance(10)
  floods(5)
  assert.equal(totals.nack_unknown, 2048 + 160)
})

test('what is sent again counts on the link as it is sent: without what is left out, with the original number', () => {
  const scene = new Scene()
  const publisher = scene.publisher([audioStream])
  const peer = scene.subscriber(publisher, [
    sendAudio(20, {
      rtxSsrc: 21,
      payloadTypes: [{ codec: 'opus', pt: 109, rtxPt: 112 }],
      extensions: { mid: 3, 'transport-cc': 5 },
    }),
  ])
  const inFlight = () => peer.downlink.flow.sent.inFlightBytes
  //                             1 redundant block of 4 bytes; primary of 5
  const red = Uint8Array.of(0x80 | 111, 0, 0, 4, 111, 1, 2, 3, 4, 0x78, 6, 7, 8, 9)
  scene.rtp(publisher, { pt: 63, seq: 1, ssrc: AUDIO_SSRC, timestamp: 0, payload: red })
  const [sent] = scene.io.takeRtp()
  const bytes = inFlight()
  assert.equal(sent!.payload.length, 5)
  nack(scene, peer, 20, sent!.extSeq)
  assert.deepEqual(
    scene.io.takeRtp().map(({ ssrc, payload }) => [ssrc, payload.length]),
    [[21, 7]],
  )
  assert.equal(inFlight() - bytes, bytes + 2)
})

test('a retransmission that the numbers of the RTX stream do not suffice for is refused', () => {
  const { scene, peer, sent } = running(3)
  peer.feeds[0]!.subscription.nextRtxSeq = () => MAX_SENT + 1
  nack(scene, peer, 20, sent[1]!.extSeq)
  assert.deepEqual(scene.io.takeRtp(), [])
  assert.deepEqual([scene.router.totals.nack_refused, scene.router.totals.rtx_sent], [1, 0])
})
