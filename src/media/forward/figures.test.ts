/** What operators are told about streams: silence, loss, and figures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newReportBlock, type ReportBlock, writeNack, writeReceiverReport } from '../rtp/rtcp/index.js'
import { Distribution } from './distribution.js'
import { unrepaired } from './figures.js'
import type { Peer } from './router.js'
import { vp8 } from './testing/packets.js'
import { AUDIO_SSRC, Scene, sendAudio, sendVideo, VIDEO_RTX_SSRC, VIDEO_SSRC, videoStream } from './testing/scene.js'

const opus = (seq: number, length = 3) => ({
  pt: 111,
  seq,
  timestamp: seq * 960,
  ssrc: AUDIO_SSRC,
  payload: new Uint8Array(length).fill(9),
})
const frame = (seq: number, keyframe = false) => ({
  pt: 96,
  seq,
  timestamp: seq * 3000,
  ssrc: VIDEO_SSRC,
  payload: vp8(keyframe),
})

function report(scene: Scene, peer: Peer, change: Partial<ReportBlock>): void {
  const bytes = new Uint8Array(32)
  writeReceiverReport(bytes, 0, 1, [{ ...newReportBlock(), ...change }])
  scene.rtcp(peer, bytes)
}

test('values are counted in the first bucket that they fit in', () => {
  const distribution = new Distribution([0, 1, 10])
  for (const value of [0, 0, 0.5, 1, 10, 10.5, 1000]) distribution.add(value)
  assert.deepEqual(distribution.counts(), { bounds: [0, 1, 10], counts: [2, 2, 1, 2], sum: 1022 })
})

test('silence is told after as long as operators say', () => {
  const scene = new Scene()
  scene.router.configure({ noMediaMs: 3000, slowlinkThreshold: 0 }, scene.nowMs)
  const publisher = scene.publisher()
  scene.rtp(publisher, opus(1))
  scene.advance(2999)
  scene.rtp(publisher, opus(2))
  scene.advance(2999)
  assert.deepEqual(scene.media, ['100 0 audio true'])
  scene.advance(1)
  assert.deepEqual(scene.media.splice(0), ['100 0 audio true', '100 0 audio false'])
  scene.rtp(publisher, opus(3))
  assert.deepEqual(scene.media.splice(0), ['100 0 audio true'])
  scene.advance(10_000)
  assert.equal(scene.router.deadlineMs, Number.POSITIVE_INFINITY, 'nothing is due in silence')
})

test('silence is never told with a timer of 0, and at once when it is set after a long silence', () => {
  const scene = new Scene()
  scene.router.configure({ noMediaMs: 0, slowlinkThreshold: 0 }, scene.nowMs)
  const publisher = scene.publisher()
  scene.rtp(publisher, opus(1))
  scene.advance(60_000)
  assert.deepEqual(scene.media.splice(0), ['100 0 audio true'])
  assert.equal(scene.router.deadlineMs, Number.POSITIVE_INFINITY)
  scene.router.configure({ noMediaMs: 1000, slowlinkThreshold: 0 }, scene.nowMs)
  scene.advance(1)
  assert.deepEqual(scene.media.splice(0), ['100 0 audio false'])
  scene.rtp(publisher, opus(2))
  publisher.setReceiveStreams([], scene.nowMs)
  assert.deepEqual(scene.media.splice(0), ['100 0 audio true', '100 0 audio false'], 'the m-line ended')
})

test('what a publisher lost within a second is told from the threshold on', () => {
  for (const [threshold, told] of [
    [0, []],
    [6, []],
    [5, ['100 0 audio up lost 5']],
    [1, ['100 0 audio up lost 5']],
  ] as const) {
    const scene = new Scene()
    scene.router.configure({ noMediaMs: 1000, slowlinkThreshold: threshold }, scene.nowMs)
    const publisher = scene.publisher()
    for (let i = 0; i < 80; i++) {
      if (i < 20 || i >= 25) scene.rtp(publisher, opus(i))
      scene.advance(20)
    }
    assert.deepEqual(scene.media.splice(1), told)
    const { counts } = scene.router.distributions.lossUp.counts()
    assert.equal(counts[0], 1, 'the first report had no loss to tell')
    assert.equal(counts[4]! + counts[5]!, 1, `${counts}`)
  }
})

test('what a subscriber lost is told once for each report that counts', () => {
  const scene = new Scene()
  scene.router.configure({ noMediaMs: 1000, slowlinkThreshold: 10 }, scene.nowMs)
  const peer = scene.subscriber(scene.publisher(), [sendAudio(10)])
  report(scene, peer, { ssrc: 10, cumulativeLost: 9, fractionLost: 12 })
  scene.advance(1000)
  report(scene, peer, { ssrc: 10, cumulativeLost: 19, fractionLost: 26 })
  for (let i = 0; i < 500; i++) report(scene, peer, { ssrc: 10, cumulativeLost: 1000 + 100 * i, fractionLost: 255 })
  assert.deepEqual(scene.media.splice(0), ['1 a audio down lost 10'])
  const { counts } = scene.router.distributions.lossDown.counts()
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    2,
    'a flood of reports does not shape the distribution',
  )
  scene.advance(1000)
  report(scene, peer, { ssrc: 10, cumulativeLost: -5 })
  scene.advance(1000)
  report(scene, peer, { ssrc: 10, cumulativeLost: -5 })
  assert.deepEqual(scene.media, [], 'less lost than before is no loss')
  assert.deepEqual(scene.router.distributions.rtt.counts().sum, 0)
})

test('figures of a stream that comes in: new packets, repairs, loss, the last second', () => {
  const scene = new Scene()
  const publisher = scene.publisher([videoStream])
  scene.subscriber(publisher, [sendVideo(20)])
  scene.rtp(publisher, frame(0, true))
  for (let i = 1; i < 100; i++) {
    if (i !== 50 && i !== 60) scene.rtp(publisher, frame(i))
    if (i === 51) scene.rtp(publisher, frame(51))
    scene.advance(20)
  }
  const payload = Uint8Array.of(0, 60, ...vp8(false))
  scene.rtp(publisher, { pt: 97, seq: 1, timestamp: 0, ssrc: VIDEO_RTX_SSRC, payload })
  const [info] = publisher.info(scene.nowMs).inbound
  const { figures, ...stream } = info!
  assert.equal(stream.ssrc, VIDEO_SSRC)
  assert.deepEqual([stream.mid, stream.receiving, stream.subscriptions, stream.nack], ['1', true, 1, true])
  const bytes = vp8(true).length + 98 * vp8(false).length
  assert.deepEqual([figures.packets, figures.bytes, figures.retransmissions], [99, bytes, 1])
  assert.ok(figures.nacks >= 2, String(figures.nacks))
  // The duplicate of 51 hides one of the two losses (RFC 3550 A.3).
  assert.equal(figures.lost, 1)
  const expectedLastSecond = 50 * vp8(false).length
  assert.ok(
    Math.abs(figures.bytesLastSecond - expectedLastSecond) < expectedLastSecond / 5,
    `${figures.bytesLastSecond}`,
  )
  scene.advance(10_000)
  const later = publisher.info(scene.nowMs).inbound[0]!
  assert.deepEqual([later.receiving, later.figures.bytesLastSecond], [false, 0])
})

test('what was repaired counts as lost on the way, but not as lost for good', () => {
  for (const repairs of [true, false]) {
    const scene = new Scene()
    const publisher = scene.publisher([videoStream])
    const shares = []
    scene.rtp(publisher, frame(0, true))
    for (let i = 1; i < 150; i++) {
      if (i !== 10) scene.rtp(publisher, frame(i))
      const payload = Uint8Array.of(0, 10, ...vp8(false))
      if (i === 15 && repairs) scene.rtp(publisher, { pt: 97, seq: 1, timestamp: 0, ssrc: VIDEO_RTX_SSRC, payload })
      scene.advance(20)
      const { lossShare, unrepairedShare } = publisher.info(scene.nowMs).inbound[0]!.figures
      shares.push({ lossShare, unrepairedShare })
    }
    const worst = shares.find(({ lossShare }) => lossShare > 0)
    assert.ok(worst && worst.lossShare < 0.1, 'a report saw the loss')
    assert.equal(worst.unrepairedShare, repairs ? 0 : worst.lossShare)
    assert.deepEqual(shares.at(-1), { lossShare: 0, unrepairedShare: 0 })
  }
  assert.equal(unrepaired(0.5, 10, 5), 0.25)
  assert.equal(unrepaired(0.5, 10, 12), 0, 'more came again than was lost')
  assert.equal(unrepaired(0, -1, 0), 0)
})

test('figures of a stream go on when it goes on under another SSRC', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  for (const seq of [1, 2, 4]) scene.rtp(publisher, opus(seq))
  scene.advance(2000)
  for (const seq of [500, 501]) scene.rtp(publisher, { ...opus(seq), ssrc: 7 })
  const { ssrc, figures } = publisher.info(scene.nowMs).inbound[0]!
  assert.deepEqual([ssrc, figures.packets, figures.lost], [7, 5, 1])
})

test('figures of a stream that goes out: packets, and what the subscriber reports and asks for', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10), sendVideo(20, { mid: 'w', active: false })])
  for (let i = 0; i < 60; i++) {
    scene.rtp(publisher, opus(i, 40))
    scene.advance(20)
  }
  const sent = scene.io.takeRtp()
  const bytes = new Uint8Array(64)
  const seqs = Uint16Array.of(sent[58]!.extSeq & 0xffff, sent[59]!.extSeq & 0xffff)
  scene.rtcp(peer, bytes.subarray(0, writeNack(bytes, 0, 1, 10, seqs, 2, 1000)))
  report(scene, peer, { ssrc: 10, cumulativeLost: 3, fractionLost: 64, jitter: 480 })
  const { outbound, paused, rembBps } = peer.info(scene.nowMs)
  assert.deepEqual([paused, rembBps, outbound.length], [false, 0, 1])
  const { figures, ...stream } = outbound[0]!
  assert.deepEqual([stream.mid, stream.ssrc, stream.fed, stream.awaitsKeyframe], ['a', 10, true, false])
  assert.deepEqual(
    {
      ...figures,
      bytesLastSecond: figures.bytesLastSecond > 1000,
      unrepairedShare: Number(figures.unrepairedShare.toFixed(4)),
    },
    {
      packets: 60,
      bytes: 2400,
      bytesLastSecond: true,
      nacks: 2,
      retransmissions: 2,
      lost: 3,
      lossShare: 0.25,
      // Two of the three were sent again.
      unrepairedShare: 0.0833,
      jitterMs: 10,
      rttMs: 0,
    },
  )
  peer.setPaused(true, scene.nowMs)
  const { paused: isPaused, outbound: after } = peer.info(scene.nowMs)
  assert.deepEqual([isPaused, after[0]!.fed], [true, false])
})
