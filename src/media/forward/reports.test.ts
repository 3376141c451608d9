import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  newReportBlock,
  writeFir,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { vp8 } from './testing/packets.js'
import { AUDIO_SSRC, PUBLISHER, Scene, sendAudio, sendVideo, VIDEO_SSRC, videoStream } from './testing/scene.js'

const opus = (seq: number, timestamp = seq * 960) => ({
  pt: 111,
  seq,
  timestamp,
  ssrc: AUDIO_SSRC,
  payload: Uint8Array.of(1, 2, 3),
})
const frame = (seq: number, keyframe: boolean) => ({
  pt: 96,
  seq,
  timestamp: seq * 3000,
  ssrc: VIDEO_SSRC,
  payload: vp8(keyframe),
})

function senderReport(scene: Scene, peer: Peer, change: object = {}, waitedUs = 0): void {
  const bytes = new Uint8Array(28)
  writeSenderReport(bytes, 0, {
    ssrc: AUDIO_SSRC,
    ntpSeconds: 0xe1234567,
    ntpFraction: 0x89abcdef,
    rtpTimestamp: 5000,
    packetCount: 777,
    octetCount: 88_888,
    ...change,
  })
  scene.rtcp(peer, bytes, waitedUs)
}

test('sender reports are translated for each subscription: SSRC, timestamp, counts', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  for (const ssrc of [10, 20]) scene.subscriber(publisher, [sendAudio(ssrc)])
  scene.subscriber(publisher, [sendVideo(30)])
  senderReport(scene, publisher)
  assert.deepEqual(scene.said(), [], 'nothing was sent that it could be about')
  for (let i = 0; i < 4; i++) scene.rtp(publisher, opus(i, 4000 + i * 960))
  const sent = scene.io.takeRtp()
  senderReport(scene, publisher)
  const said = scene.said()
  assert.deepEqual(
    said.map(({ transport, types }) => [transport, ...types]),
    [
      [1, 200, 202],
      [2, 200, 202],
    ],
  )
  for (const [i, ssrc] of [10, 20].entries()) {
    const first = sent.find((packet) => packet.ssrc === ssrc)!
    assert.deepEqual(said[i]!.senderReports, [
      {
        ssrc,
        ntpSeconds: 0xe1234567,
        ntpFraction: 0x89abcdef,
        rtpTimestamp: (first.timestamp + 1000) >>> 0,
        packetCount: 4,
        octetCount: 12,
      },
    ])
  }
  assert.equal(scene.router.totals.sr_sent, 2)
  assert.equal(scene.router.totals.sr_received, 2)
})

test('a late joiner gets the last sender report within a second, a paused one gets none', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.rtp(publisher, opus(0))
  senderReport(scene, publisher)
  const late = scene.subscriber(publisher, [sendAudio(10)])
  scene.rtp(publisher, opus(1))
  const [packet] = scene.io.takeRtp()
  scene.advance(900)
  scene.rtp(publisher, opus(2))
  scene.advance(200)
  const reports = scene.said().filter(({ transport }) => transport === 1)
  assert.equal(reports.length, 1)
  assert.equal(reports[0]!.senderReports[0]!.rtpTimestamp, (packet!.timestamp + 5000 - 960) >>> 0)
  late.setPaused(true, scene.nowMs)
  senderReport(scene, publisher)
  assert.deepEqual(
    scene.said().filter(({ transport }) => transport === 1),
    [],
  )
})

test('a flood of sender reports is not passed on to every subscriber', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  for (const ssrc of [10, 20]) scene.subscriber(publisher, [sendAudio(ssrc)])
  scene.rtp(publisher, opus(0))
  for (let i = 0; i < 1000; i++) senderReport(scene, publisher)
  assert.equal(scene.router.totals.sr_sent, 2)
  scene.advance(50)
  senderReport(scene, publisher)
  assert.equal(scene.router.totals.sr_sent, 4)
})

test('a stream that is silent, or that nobody gets any more, keeps no packets', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const subscriber = scene.subscriber(publisher, [sendAudio(10), sendVideo(20)])
  let seq = 0
  const send = (ms: number, video: boolean) => {
    for (let i = 0; i < ms; i += 20, seq++) {
      scene.rtp(publisher, opus(seq))
      if (video) scene.rtp(publisher, frame(seq, i === 0))
      scene.advance(20)
    }
  }
  const kept = () => publisher.publications.map(({ encodings }) => encodings[0]!.history.bytes.length > 0)
  send(2000, true)
  assert.deepEqual(kept(), [true, true])
  send(12_000, false)
  assert.deepEqual(kept(), [true, false])
  send(1000, true)
  assert.deepEqual(kept(), [true, true])
  subscriber.setPaused(true, scene.nowMs)
  send(3000, true)
  assert.deepEqual(kept(), [false, false])
})

test('sender reports of another SSRC are not translated', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  scene.rtp(publisher, opus(0))
  senderReport(scene, publisher, { ssrc: 12_345 })
  assert.equal(scene.router.totals.sr_sent, 0)
})

test('publishers are told what arrived, about once a second, with the REMB ceiling', () => {
  const scene = new Scene({ maxPublisherBps: 2_500_000 })
  const publisher = scene.publisher()
  for (let i = 0; i < 200; i++) {
    if (i % 10 !== 5) scene.rtp(publisher, opus(i))
    scene.rtp(publisher, frame(i, i === 0))
    if (i === 50) senderReport(scene, publisher)
    scene.advance(20)
  }
  const said = scene.said().filter(({ blocks }) => blocks.length > 0)
  assert.ok(said.length >= 4 && said.length <= 5, `${said.length}`)
  const last = said.at(-1)!
  assert.equal(last.transport, PUBLISHER)
  assert.deepEqual(last.types, [201, 202, 206])
  assert.deepEqual(last.rembBps, [2_500_000 - (2_500_000 % 16)])
  assert.deepEqual(
    last.blocks.map(({ ssrc }) => ssrc),
    [AUDIO_SSRC, VIDEO_SSRC],
  )
  const [audio, video] = last.blocks
  assert.equal(audio!.fractionLost, 25)
  assert.equal(audio!.cumulativeLost, Math.floor((audio!.highestSeq + 5) / 10))
  assert.equal(video!.cumulativeLost, 0)
  assert.equal(audio!.lastSr, 0x456789ab)
  assert.ok(audio!.delaySinceLastSr > 2 * 65_536 && audio!.delaySinceLastSr < 3.2 * 65_536)
  assert.equal(scene.router.totals.remb_sent, said.length)
})

test('what packets waited for a busy program is in no figure: jitter, delay since the last report, round trip', () => {
  const after = (reportWaitedUs: number) => {
    const scene = new Scene()
    const publisher = scene.publisher()
    const peer = scene.subscriber(publisher, [sendAudio(10)])
    // One each 20 ms, read five at a time.
    for (let i = 0; i < 100; i++) {
      scene.rtp(publisher, opus(i), (4 - (i % 5)) * 20_000)
      if (i % 5 === 4) scene.advance(100)
    }
    senderReport(scene, publisher, {}, reportWaitedUs)
    const sentMs = scene.nowMs
    scene.advance(1500)
    const blocks = scene.said().flatMap((said) => (said.transport === PUBLISHER ? said.blocks : []))
    return { scene, peer, sentMs, block: blocks.at(-1)! }
  }
  const { scene, peer, sentMs, block } = after(500_000)
  assert.deepEqual([block.jitter, block.lastSr], [0, 0x456789ab])
  assert.equal(block.delaySinceLastSr - after(0).block.delaySinceLastSr, 65_536 / 2)

  const report = new Uint8Array(32)
  writeReceiverReport(report, 0, 1, [{ ...newReportBlock(), ssrc: 10, lastSr: 0x456789ab, delaySinceLastSr: 0 }])
  scene.rtcp(peer, report, (scene.nowMs - sentMs - 70) * 1000)
  assert.equal(peer.feeds[0]!.subscription.reports.rttMs, 70)
})

test('round trip and loss come from receiver reports, and lies are ignored', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10)])
  const { subscription } = peer.feeds[0]!
  scene.rtp(publisher, opus(0))
  senderReport(scene, publisher)
  scene.advance(300)
  const report = (change: object) => {
    const bytes = new Uint8Array(32)
    writeReceiverReport(bytes, 0, 1, [{ ...newReportBlock(), ssrc: 10, ...change }])
    scene.rtcp(peer, bytes)
  }
  report({ fractionLost: 26, lastSr: 0x456789ab, delaySinceLastSr: 65_536 / 4 })
  assert.equal(subscription.reports.fractionLost, 26)
  assert.equal(Math.round(subscription.reports.rttMs), 50)
  report({ lastSr: 0x456789ab, delaySinceLastSr: 0xffff_ffff })
  report({ lastSr: 0x11111111 })
  report({ ssrc: 11, fractionLost: 99 })
  assert.equal(Math.round(subscription.reports.rttMs), 50)
  assert.equal(subscription.reports.fractionLost, 0)
  assert.equal(scene.router.totals.rr_received, 4)
})

test('a keyframe storm: 300 subscribers asking in every way make two requests a second', () => {
  const scene = new Scene()
  const publisher = scene.publisher([videoStream], 9999)
  const peers: Peer[] = []
  for (let i = 0; i < 300; i++) peers.push(scene.subscriber(publisher, [sendVideo(1000 + i * 2)]))
  scene.rtp(publisher, frame(0, true))
  scene.advance(600)
  scene.said()
  const times: number[] = []
  for (let ms = 0; ms < 2000; ms += 10) {
    for (const [i, peer] of peers.entries()) {
      const bytes = new Uint8Array(20)
      const length = i % 2 === 0 ? writePli(bytes, 0, 1, 1000 + i * 2) : writeFir(bytes, 0, 1, 1000 + i * 2, ms & 0xff)
      scene.rtcp(peer, bytes.subarray(0, length))
    }
    scene.advance(10)
    for (const { keyframes } of scene.said()) if (keyframes.length > 0) times.push(scene.nowMs)
    if (ms % 100 === 0) scene.rtp(publisher, frame(1 + ms / 100, true))
  }
  assert.ok(times.length >= 4, `${times}`)
  // The clock of this test ticks in tens.
  for (let i = 1; i < times.length; i++) assert.ok(times[i]! - times[i - 1]! >= 490, `${times}`)
  assert.equal(scene.router.totals.pli_received, 30_000)
  assert.equal(scene.router.totals.fir_received, 30_000)
})

test('RTCP about streams that the peer has nothing to do with changes nothing', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10)])
  scene.rtp(publisher, frame(0, true))
  const bytes = new Uint8Array(64)
  scene.rtcp(peer, bytes.subarray(0, writePli(bytes, 0, 1, VIDEO_SSRC)))
  scene.rtcp(peer, bytes.subarray(0, writeFir(bytes, 0, 1, VIDEO_SSRC, 1)))
  scene.rtcp(peer, bytes.subarray(0, writePli(bytes, 0, 1, 10)))
  scene.advance(10)
  assert.deepEqual(scene.said(), [], 'audio has no keyframes')
  assert.equal(scene.router.totals.drop_rtcp_unknown_ssrc, 2)
  scene.rtcp(peer, bytes.subarray(0, writeRemb(bytes, 0, 1, 1_000_000, [10])))
  assert.equal(peer.downlink.rembBps, 1_000_000)
})

test('hostile RTCP: every prefix and flipped byte of every type, from both sides', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  const peer = scene.subscriber(publisher, [sendAudio(10), sendVideo(20)])
  for (let i = 0; i < 50; i++) {
    scene.rtp(publisher, opus(i))
    scene.rtp(publisher, frame(i, i === 0))
  }
  const bytes = new Uint8Array(200)
  let length = writeSenderReport(bytes, 0, {
    ssrc: VIDEO_SSRC,
    ntpSeconds: 1,
    ntpFraction: 2,
    rtpTimestamp: 3,
    packetCount: 4,
    octetCount: 5,
  })
  length += writeReceiverReport(bytes, length, 20, [{ ...newReportBlock(), ssrc: 20 }])
  length += writePli(bytes, length, 1, 20)
  length += writeFir(bytes, length, 1, 20, 3)
  length += writeRemb(bytes, length, 1, 5e5, [20])
  bytes.set([0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 20, 0xff, 0xff, 0xff, 0xff, 0, 1, 0xff, 0xff], length)
  length += 20
  for (const from of [peer, publisher]) {
    for (let end = 0; end <= length; end++) scene.rtcp(from, bytes.subarray(0, end))
    for (let at = 0; at < length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const broken = bytes.slice(0, length)
        broken[at] = value
        scene.rtcp(from, broken)
      }
    }
  }
  scene.advance(5000)
  assert.ok(scene.router.totals.drop_rtcp_malformed > 100)
  for (const [name, value] of Object.entries(scene.router.totals)) assert.ok(Number.isFinite(value), name)
  const resent = scene.router.totals.rtx_sent + scene.router.totals.resent_packets
  assert.ok(resent <= 50 * 8, `${resent} resent`)
})
