/** Packets that wait for their turn while everything around them changes, and peers that lie about their link. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newArrivalFeedback, writeArrivalFeedback, writeRemb } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { MAX_SENT } from './sequence-map.js'
import { vp8, vp8Rest } from './testing/packets.js'
import { Scene, sendVideo, VIDEO_SSRC, videoStream } from './testing/scene.js'

const TRANSPORT_CC = 5
const FAT = Array.from({ length: 1100 }, (_, i) => i & 0xff)

/** A publisher, and a subscriber whose link is so thin that most packets of a picture wait. */
function thin(): { scene: Scene; publisher: Peer; subscriber: Peer } {
  const scene = new Scene()
  const publisher = scene.publisher([videoStream])
  const subscriber = scene.subscriber(publisher, [
    sendVideo(20, { extensions: { mid: 3, 'transport-cc': TRANSPORT_CC } }),
  ])
  video(scene, publisher, 1, true)
  remb(scene, subscriber, 40_000)
  scene.io.takeRtp()
  return { scene, publisher, subscriber }
}

function video(scene: Scene, peer: Peer, seq: number, keyframe: boolean, ssrc = VIDEO_SSRC, mid = '1'): void {
  const payload = keyframe ? vp8(true, ...FAT) : vp8Rest(...FAT)
  scene.rtp(peer, { pt: 96, seq, timestamp: seq * 3000, ssrc, extensions: { 4: mid }, payload })
}

function remb(scene: Scene, peer: Peer, bps: number): void {
  const bytes = new Uint8Array(100)
  scene.rtcp(peer, bytes.subarray(0, writeRemb(bytes, 0, 99, bps, [20])))
}

test('nothing that waits reaches a subscriber that was paused meanwhile', () => {
  const { scene, publisher, subscriber } = thin()
  for (let seq = 2; seq < 12; seq++) video(scene, publisher, seq, false)
  const { waitingPackets } = subscriber.info(scene.nowMs).downlink
  assert.ok(waitingPackets > 4, `${waitingPackets} wait`)
  subscriber.setPaused(true, scene.nowMs)
  scene.io.takeRtp()
  scene.advance(1000)
  assert.deepEqual(scene.io.takeRtp(), [])
  assert.equal(subscriber.info(scene.nowMs).downlink.waitingPackets, 0)
})

test('a keyframe that still waits when its publisher begins anew is not sent: numbers would go back, and jump', () => {
  const { scene, publisher } = thin()
  for (let seq = 2; seq < 6; seq++) video(scene, publisher, seq, false)
  video(scene, publisher, 6, true)
  video(scene, publisher, 40_000, true, 0x5151)
  video(scene, publisher, 40_001, false, 0x5151)
  scene.advance(450)
  video(scene, publisher, 40_002, false, 0x5151)
  scene.advance(450)
  const sent = scene.io.takeRtp().filter(({ ssrc, payload }) => ssrc === 20 && payload.length > 255)
  assert.ok(sent.length >= 3)
  for (let i = 1; i < sent.length; i++) assert.equal(sent[i]!.extSeq, sent[i - 1]!.extSeq + 1)
})

test('feedback that comes faster than any receiver has something to say is not read', () => {
  const { scene, subscriber } = thin()
  const bytes = new Uint8Array(100)
  const feedback = { ...newArrivalFeedback(), baseSeq: 1 }
  const length = writeArrivalFeedback(bytes, 0, 99, 20, feedback, new Int32Array(4).fill(1), 4)
  for (let i = 0; i < 1000; i++) scene.rtcp(subscriber, bytes.subarray(0, length))
  const { totals } = scene.router
  assert.equal(totals.transport_cc_received, 100)
  assert.equal(totals.transport_cc_refused, 900)
  scene.advance(100)
  scene.rtcp(subscriber, bytes.subarray(0, length))
  assert.equal(totals.transport_cc_received, 101)
})

test('a stream that nothing feeds any more is not among what a link has to carry', () => {
  const scene = new Scene()
  const second = { ...videoStream, mid: '2', index: 1, ssrcs: [{ ssrc: 0x5252 }] }
  const publisher = scene.publisher([videoStream, second])
  const extensions = { mid: 3, 'transport-cc': TRANSPORT_CC }
  const subscriber = scene.subscriber(publisher, [
    sendVideo(20, { extensions }),
    sendVideo(30, { mid: 'w', index: 1, extensions }),
  ])
  let seq = 0
  const pacingAfter = (ms: number, sendsBoth: boolean) => {
    for (const endMs = scene.nowMs + ms; scene.nowMs < endMs; scene.advance(40)) {
      video(scene, publisher, seq, seq === 0)
      if (sendsBoth) video(scene, publisher, seq, seq === 0, 0x5252, '2')
      seq++
      remb(scene, subscriber, 100_000)
    }
    return subscriber.info(scene.nowMs).downlink.pacingBps
  }
  // 220 kbit/s each, and half as much for room.
  const bothBps = pacingAfter(3000, true)
  assert.ok(bothBps > 600_000 && bothBps < 720_000, `${bothBps}`)
  publisher.setReceiveStreams([videoStream], scene.nowMs)
  const oneBps = pacingAfter(400, false)
  assert.ok(oneBps > 300_000 && oneBps < 360_000, `${oneBps}`)
})

test('a probe that the numbers of the RTX stream do not suffice for is counted', () => {
  const { scene, subscriber } = thin()
  const { subscription } = subscriber.feeds[0]!
  subscription.nextRtxSeq = () => MAX_SENT + 1
  assert.equal(subscriber.downlink.probe(1000, scene.nowMs), false)
  assert.deepEqual([scene.router.totals.padding_sent, scene.router.totals.padding_refused], [0, 1])
})
