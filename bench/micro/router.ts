/**
 * JavaScript's share of forwarding: nanoseconds per forwarded packet in `Router.rtp`, against an io that sends
 * nothing. `node dist/bench/micro/router.js [subscribers] [packets] [payload bytes]`
 */

import type { ReceiveStream, SendStream } from '../../src/media/control.js'
import { Router } from '../../src/media/forward/router.js'
import { openQuietIo } from '../../src/media/forward/testing/quiet-io.js'
import { MAX_BATCH } from '../../src/media/io/io.js'

const [subscribers = 20, packets = 100_000, payloadBytes = 1100] = process.argv.slice(2).map(Number)

const io = openQuietIo()

const extensions = { mid: 4, 'abs-send-time': 2, 'transport-cc': 3 }
const video: ReceiveStream = {
  mid: '1',
  kind: 'video',
  index: 0,
  payloadTypes: [{ codec: 'VP8', pt: 96, rtxPt: 97 }],
  clockRate: 90_000,
  ssrcs: [{ ssrc: 0xfedcba98, rtxSsrc: 0xfedcba99 }],
  extensions,
  nack: true,
  active: true,
}

function send(ssrc: number): SendStream {
  const { mid, kind, index, payloadTypes } = video
  return {
    mid,
    kind,
    index,
    payloadTypes,
    ssrc,
    rtxSsrc: ssrc + 1,
    extensions: { mid: 4, 'abs-send-time': 2 },
    active: true,
  }
}

let random = 1
const router = new Router(
  io,
  {
    media: () => {},
    slowlink: () => {},
    speakers: () => {},
    sources: () => {},
    failed: (_endpoint, error) => {
      throw error
    },
  },
  { maxPublisherBps: 2_500_000, random: () => (random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0) },
)
const publisher = router.openPeer(1, 1, 0)
publisher.connected(0)
publisher.setReceiveStreams([video], 0)
for (let i = 0; i < subscribers; i++) {
  const peer = router.openPeer(100 + i, 100 + i, 0)
  peer.connected(0)
  peer.setSendStreams([send(0x8000_0000 + i * 2)], 0)
  peer.follow(publisher, 0)
}

//                     V X   pt  seq  timestamp    ssrc         BEDE, 3 words: mid '1', send time, transport-cc
const header = Buffer.from('9060000000000000fedcba98bede0003403122000000310000000000', 'hex')
const keyframe = [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]
const length = header.length + payloadBytes

function run(count: number, from: number): number {
  const began = process.hrtime.bigint()
  for (let i = from; i < from + count; i++) {
    const offset = (i % MAX_BATCH) * 1536
    const { rx } = io
    rx[offset + 2] = i >> 8
    rx[offset + 3] = i
    const timestamp = Math.floor(i / 10) * 3000
    rx[offset + 4] = timestamp >> 24
    rx[offset + 5] = timestamp >> 16
    rx[offset + 6] = timestamp >> 8
    rx[offset + 7] = timestamp
    router.rtp(i * 2, publisher, offset, length, 0)
    if (i * 2 >= router.deadlineMs) router.expire(i * 2)
  }
  return Number(process.hrtime.bigint() - began)
}

for (let slot = 0; slot < MAX_BATCH; slot++) {
  io.rx.set(header, slot * 1536)
  io.rx.set(keyframe, slot * 1536 + header.length)
}
run(1, 0)
for (let slot = 0; slot < MAX_BATCH; slot++) io.rx[slot * 1536 + header.length + 1] = 0x11
run(20_000, 1)
const heapBefore = process.memoryUsage().heapUsed
const ns = run(packets, 20_001)
const grown = process.memoryUsage().heapUsed - heapBefore
const forwards = packets * subscribers
console.log(
  `${subscribers} subscribers, ${payloadBytes} B: ${(ns / forwards).toFixed(1)} ns per forward, ` +
    `${(ns / packets).toFixed(0)} ns per received packet, heap ${(grown / packets).toFixed(1)} B per received packet, ` +
    `${router.totals.forwarded_packets} forwarded`,
)
