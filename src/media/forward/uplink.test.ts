import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream } from '../control.js'
import { firstRtcp, newRtcpCursor, nextRtcp, RtcpType } from '../rtp/rtcp/index.js'
import { NOT_RECEIVED, newArrivalFeedback, readArrivalFeedback } from '../rtp/rtcp/transport-cc.js'
import type { Peer } from './router.js'
import { type rtpPacket, rtxPayload, vp8 } from './testing/packets.js'
import {
  AUDIO_SSRC,
  audioStream,
  PUBLISHER,
  Scene,
  sendAudio,
  sendVideo,
  VIDEO_RTX_SSRC,
  VIDEO_SSRC,
  videoStream,
} from './testing/scene.js'

const ID = 9
const numbered = (stream: ReceiveStream): ReceiveStream => ({
  ...stream,
  extensions: { ...stream.extensions, 'transport-cc': ID },
})
const number = (seq: number) => ({ [ID]: Uint8Array.of(seq >> 8, seq & 0xff) })

/** The transport-wide feedback sent since the last call, as what was told of each number: ms of its arrival, or null. */
function told(scene: Scene): Map<number, number | null> {
  const all = new Map<number, number | null>()
  const c = newRtcpCursor()
  const feedback = newArrivalFeedback()
  const arrivals = new Int32Array(4096)
  for (const { transport, bytes } of scene.io.takeRtcp()) {
    assert.equal(transport, PUBLISHER)
    let first = true
    for (let ok = firstRtcp(c, bytes, 0, bytes.length); ok; ok = nextRtcp(c)) {
      if (first) assert.equal(c.type, RtcpType.receiverReport, 'compounds begin with a report')
      first = false
      if (!readArrivalFeedback(c, feedback, arrivals)) continue
      for (let i = 0; i < feedback.statusCount; i++) {
        const ms = arrivals[i] === NOT_RECEIVED ? null : feedback.referenceTime * 64 + arrivals[i]! / 4
        all.set((feedback.baseSeq + i) & 0xffff, ms)
      }
    }
    assert.equal(c.fault, 0)
  }
  return all
}

const rembs = (scene: Scene) => scene.said().flatMap(({ rembBps }) => rembBps)

function video(scene: Scene, peer: Peer, seq: number, keyframe = false): void {
  scene.rtp(peer, { pt: 96, seq, timestamp: seq * 3000, ssrc: VIDEO_SSRC, payload: vp8(keyframe) })
}

test('all that a publisher sends is told of: sound, pictures, retransmissions, padding, and what is dropped', () => {
  const scene = new Scene()
  const publisher = scene.publisher([numbered(audioStream), numbered(videoStream)])
  const at = new Map<number, number>()
  const send = (seq: number, packet: Omit<Parameters<typeof rtpPacket>[0], 'extensions'>) => {
    at.set(seq, scene.nowMs)
    scene.rtp(publisher, { ...packet, extensions: number(seq) })
    scene.nowMs += 3
  }
  send(65_534, { pt: 111, seq: 1, ssrc: AUDIO_SSRC, payload: Uint8Array.of(1) })
  send(65_535, { pt: 96, seq: 1, ssrc: VIDEO_SSRC, payload: vp8(true) })
  send(0, { pt: 97, seq: 1, ssrc: VIDEO_RTX_SSRC, payload: rtxPayload(1, vp8(true)) })
  send(2, { pt: 97, seq: 2, ssrc: VIDEO_RTX_SSRC, padding: 200 })
  send(3, { pt: 77, seq: 1, ssrc: 5 })
  scene.advance(400)
  assert.deepEqual(told(scene), new Map([...at, [1, null]].sort() as [number, number | null][]))
  assert.equal(scene.router.totals.transport_cc_sent, publisher.info(scene.nowMs).uplink.feedbackSent)
})

test('feedback goes out while packets come, and a timer sends the last of it', () => {
  const scene = new Scene()
  const publisher = scene.publisher([numbered(videoStream)])
  const reported: number[] = []
  const all = new Map<number, number | null>()
  for (let seq = 0; seq < 300; seq++) {
    scene.advance(4)
    scene.rtp(publisher, { pt: 96, seq, ssrc: VIDEO_SSRC, payload: vp8(false), extensions: number(seq) })
    const now = told(scene)
    if (now.size > 0) reported.push(scene.nowMs)
    for (const [number, ms] of now) all.set(number, ms)
  }
  const gaps = reported.slice(1).map((ms, i) => ms - reported[i]!)
  assert.ok(Math.min(...gaps) >= 48 && Math.max(...gaps) <= 250, String(gaps))
  scene.advance(400)
  for (const [number, ms] of told(scene)) all.set(number, ms)
  assert.equal(all.size, 300)
  for (const [number, ms] of all) assert.equal(ms, 1004 + number * 4)
  const sent = scene.router.totals.transport_cc_sent
  scene.advance(5000)
  assert.equal(scene.router.totals.transport_cc_sent, sent, 'nothing new, no feedback')
})

test('packets that were read together are told at the times of their arrival', () => {
  const scene = new Scene()
  const publisher = scene.publisher([numbered(videoStream)])
  for (const [seq, waitedUs] of [
    [1, 40_000],
    [2, 25_500],
    [3, 0],
  ] as const) {
    scene.rtp(publisher, { pt: 96, seq, ssrc: VIDEO_SSRC, payload: vp8(false), extensions: number(seq) }, waitedUs)
  }
  const { nowMs } = scene
  scene.advance(400)
  const expected = [nowMs - 40, nowMs - 25.5, nowMs].map((ms, at) => [at + 1, ms] as const)
  assert.deepEqual(told(scene), new Map(expected))
})

test('no feedback without numbers', () => {
  const table: [what: string, stream: ReceiveStream, extensions: Record<number, Uint8Array>][] = [
    ['not negotiated', videoStream, number(1)],
    ['another extension', numbered(videoStream), { 8: Uint8Array.of(0, 1) }],
    ['an element of one byte', numbered(videoStream), { [ID]: Uint8Array.of(1) }],
  ]
  for (const [what, stream, extensions] of table) {
    const scene = new Scene()
    const publisher = scene.publisher([stream])
    scene.rtp(publisher, { pt: 96, seq: 1, ssrc: VIDEO_SSRC, payload: vp8(true), extensions })
    scene.advance(2000)
    assert.equal(told(scene).size, 0, what)
  }
})

test('who does not number packets is told what its path holds, by send time or by timestamps', () => {
  const sendTime = (ms: number) => {
    const units = Math.floor((((ms % 64_000) + 64_000) % 64_000) * 262.144)
    return { 2: Uint8Array.of(units >> 16, (units >> 8) & 0xff, units & 0xff) }
  }
  const { 'abs-send-time': _, ...without } = videoStream.extensions
  const table: [what: string, stream: ReceiveStream, stretch: number, limited: boolean][] = [
    ['send time, even', videoStream, 1, false],
    ['send time, a queue builds up', videoStream, 1.3, true],
    ['timestamps, even', { ...videoStream, extensions: without }, 1, false],
    ['timestamps, a queue builds up', { ...videoStream, extensions: without }, 1.3, true],
  ]
  for (const [what, stream, stretch, limited] of table) {
    const scene = new Scene({ maxPublisherBps: 2_500_000 })
    const publisher = scene.publisher([stream])
    scene.subscriber(publisher, [sendVideo(10)])
    const payload = Uint8Array.from([...vp8(false), ...new Uint8Array(1000)])
    for (let seq = 0; seq < 300; seq++) {
      const sentMs = 63_000 + seq * 10
      const extensions = stream === videoStream ? sendTime(sentMs) : {}
      scene.advance(10 * stretch)
      scene.rtp(publisher, { pt: 96, seq, timestamp: (sentMs * 90) >>> 0, ssrc: VIDEO_SSRC, payload, extensions })
    }
    const { estimateBps, capBps, transportCc } = publisher.info(scene.nowMs).uplink
    assert.equal(transportCc, false)
    assert.equal(estimateBps! < 1_000_000, limited, `${what}: ${estimateBps}`)
    assert.equal(capBps, estimateBps)
    const told = rembs(scene)
    assert.ok(Math.abs(told.at(-1)! - capBps) < capBps / 10, `${what}: ${told.at(-1)}`)
    assert.ok(told.length < 20, 'no flood')
  }
})

test('a publisher that nobody watches is asked for little, and for all as soon as somebody does', () => {
  const scene = new Scene({ maxPublisherBps: 2_500_000 })
  const publisher = scene.publisher([audioStream, numbered(videoStream)])
  const play = (fromSeq: number, ms: number) => {
    for (let i = 0; i * 100 < ms; i++) {
      video(scene, publisher, fromSeq + i)
      scene.advance(100)
    }
  }
  play(0, 4500)
  const full = 2_500_000 - (2_500_000 % 16)
  assert.deepEqual([...new Set(rembs(scene))], [full], 'somebody may come yet')
  play(100, 3000)
  const lowest = rembs(scene).at(-1)!
  assert.ok(lowest <= 114_000, `${lowest}`)
  assert.equal(publisher.info(scene.nowMs).uplink.capBps, 114_000)
  scene.subscriber(publisher, [sendVideo(10)])
  scene.advance(0)
  assert.deepEqual(rembs(scene), [full], 'at once')
})

test('sound alone is never capped', () => {
  const scene = new Scene()
  const publisher = scene.publisher([audioStream])
  scene.subscriber(publisher, [sendAudio(10)])
  for (let seq = 0; seq < 500; seq++) {
    scene.rtp(publisher, { pt: 111, seq, timestamp: seq * 960, ssrc: AUDIO_SSRC, payload: Uint8Array.of(1) })
    scene.advance(20)
  }
  assert.deepEqual(rembs(scene), [])
})
