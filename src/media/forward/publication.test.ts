import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rtpPacket, vp8 } from './testing/packets.js'
import { audioStream, Scene, sendAudio, sendVideo, VIDEO_SSRC, videoStream } from './testing/scene.js'
import { frame, gapless, opus } from './testing/streams.js'

test('unknown SSRCs are placed by mid, then by a payload type that only one m-line has', () => {
  const scene = new Scene()
  const camera = { ...videoStream, ssrcs: [] }
  const screen = { ...videoStream, mid: '2', index: 1, ssrcs: [] }
  const publisher = scene.publisher([{ ...audioStream, ssrcs: [] }, camera, screen])
  scene.subscriber(publisher, [sendAudio(10), sendVideo(20), sendVideo(30, { index: 1 })])
  scene.rtp(publisher, { ...frame(1, true), ssrc: 1, extensions: { 4: '2' } })
  scene.rtp(publisher, { ...frame(2, false), ssrc: 1, extensions: {} })
  scene.rtp(publisher, { ...opus(1), ssrc: 2, extensions: {} })
  scene.rtp(publisher, { ...frame(1, true), ssrc: 3, extensions: {} })
  scene.rtp(publisher, { ...frame(1, true), ssrc: 4, extensions: { 4: '22' } })
  assert.deepEqual(
    scene.io.takeRtp().map(({ ssrc }) => ssrc),
    [30, 30, 10],
  )
  assert.equal(scene.router.totals.drop_unknown_stream, 2)
})

test('at most 128 SSRCs of a peer are remembered; a new one finds room when an old one was silent for long', () => {
  const scene = new Scene()
  const publisher = scene.publisher([{ ...audioStream, ssrcs: [] }])
  scene.subscriber(publisher, [sendAudio(10)])
  for (let ssrc = 0; ssrc < 200; ssrc++) scene.rtp(publisher, { ...opus(1), ssrc })
  assert.equal(scene.router.totals.drop_ssrc_limit, 72)
  scene.advance(6000)
  scene.rtp(publisher, { ...opus(1), ssrc: 1000 })
  assert.equal(scene.router.totals.drop_ssrc_limit, 72)
  assert.equal(scene.io.takeRtp().length, 7, 'the first, as many as may replace another at once, and the last')
})

test('H-20 two publishers with the same SSRCs stay separate', () => {
  const scene = new Scene()
  const a = scene.publisher()
  const b = scene.publisher([audioStream, videoStream], 101)
  scene.subscriber(a, [sendAudio(10)])
  scene.subscriber(b, [sendAudio(10)])
  scene.rtp(a, { ...opus(1), payload: Uint8Array.of(0xa) })
  scene.rtp(b, { ...opus(1), payload: Uint8Array.of(0xb) })
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ transport, payload }) => [transport, payload[0]]),
    [
      [1, 0xa],
      [2, 0xb],
    ],
  )
})

test('simulcast: one encoding is forwarded, a better one from its keyframe on, another when that falls silent', () => {
  const scene = new Scene()
  const publisher = scene.publisher([{ ...videoStream, ssrcs: [] }])
  scene.subscriber(publisher, [sendVideo(20)])
  const layer = (ssrc: number, rid: string, seq: number, keyframe: boolean, more: number[]) => {
    const payload = vp8(keyframe, ...more)
    scene.rtp(publisher, { ...frame(seq, keyframe), ssrc, extensions: { 4: '1', 10: rid }, payload })
  }
  const big = new Array<number>(500).fill(0)
  for (let i = 0; i < 5; i++) {
    layer(1, 'l', 10 + i, i === 0, [])
    layer(2, 'h', 500 + i, false, big)
  }
  const first = scene.io.takeRtp()
  assert.equal(first.length, 5)
  scene.advance(250)
  layer(1, 'l', 15, false, [])
  layer(2, 'h', 505, false, big)
  scene.advance(250)
  assert.deepEqual(
    scene.said().flatMap(({ keyframes }) => keyframes),
    [2],
  )
  layer(2, 'h', 506, false, big)
  layer(1, 'l', 16, false, [])
  layer(2, 'h', 507, true, big)
  layer(2, 'h', 508, false, big)
  layer(1, 'l', 17, true, [])
  const second = scene.io.takeRtp()
  assert.deepEqual(
    second.map(({ payload }) => payload.length > 500),
    [false, false, true, true],
  )
  for (let i = 0; i < 8; i++) {
    scene.advance(100)
    layer(1, 'l', 18 + i, i === 7, [])
  }
  assert.deepEqual(
    scene.said().flatMap(({ keyframes }) => keyframes),
    [1],
    'the silent one is left within 750 ms',
  )
  const third = scene.io.takeRtp()
  assert.equal(third.length, 1)
  gapless([...first, ...second, ...third])
})

test('duplicates, late and very late packets', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  for (const seq of [1000, 1001, 1003, 1001, 1002, 1002]) scene.rtp(publisher, opus(seq))
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ extSeq }) => extSeq - sent[0]!.extSeq),
    [0, 1, 3, 2],
  )
  assert.equal(scene.router.totals.drop_duplicate, 2)
  scene.rtp(publisher, opus(1003 - 256))
  assert.equal(scene.router.totals.drop_late, 1)
  scene.rtp(publisher, opus(1003 - 255))
  assert.equal(scene.io.takeRtp().length, 0)
  assert.equal(scene.router.totals.drop_unmapped, 1, 'from before the subscription')
})

test('a jump of the numbers is believed when the next packet confirms it, and leaves no gap', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  for (const seq of [1, 2, 20_000, 3, 40_000, 40_001, 40_002]) scene.rtp(publisher, opus(seq))
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ payload }) => payload[2]),
    [1, 2, 3, 40_001 & 0xff, 40_002 & 0xff],
  )
  gapless(sent)
  assert.equal(scene.router.totals.drop_jump, 1)
  assert.equal(scene.router.totals.drop_late, 1)
  assert.deepEqual(
    scene.said().flatMap(({ nacks }) => nacks),
    [],
  )
})

test('H-11 a padding count of 0, beyond the payload, or on nothing: dropped and counted, and what is right goes on', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  let seq = 0
  const padded = (payload: number[], count: number, padding = 0) => {
    const bytes = rtpPacket({ ...opus(seq++), payload: Uint8Array.from(payload), padding })
    bytes[0]! |= 0x20
    if (payload.length + padding > 0) bytes[bytes.length - 1] = count
    scene.bytes(publisher, bytes, 'rtp')
  }
  const wrong: [number[], number][] = [
    [[1, 2, 3], 0],
    [[1, 2, 3], 4],
    [[1, 2, 3], 255],
    [[], 0],
  ]
  for (const [payload, count] of wrong) padded(payload, count)
  assert.equal(scene.router.totals.drop_rtp_malformed, wrong.length)
  assert.deepEqual(scene.io.takeRtp(), [])
  padded([1, 2, 3], 5, 5)
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 1)
  assert.deepEqual(sent[0]!.payload, Uint8Array.of(1, 2, 3))
})

test('padding-only packets are consumed and leave no gap; a late one fills the gap it left', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendVideo(20)])
  const padding = (seq: number) => scene.rtp(publisher, { pt: 96, seq, ssrc: VIDEO_SSRC, padding: 200 })
  scene.rtp(publisher, frame(1, true))
  padding(2)
  padding(3)
  scene.rtp(publisher, { ...frame(4, false), padding: 5 })
  scene.rtp(publisher, frame(6, false))
  padding(5)
  scene.rtp(publisher, frame(7, false))
  const sent = scene.io.takeRtp()
  assert.equal(scene.router.totals.drop_padding, 2)
  assert.deepEqual(
    sent.map(({ extSeq }) => extSeq - sent[0]!.extSeq),
    [0, 1, 3, 2, 4],
  )
  assert.deepEqual(sent[1]!.payload, vp8(false, 4), 'padding behind a payload is cut off')
  assert.equal(sent[3]!.payload.length, 0)
})

test('a replaced track: another SSRC goes on under the same one, in numbers and in time', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendVideo(20)])
  scene.rtp(publisher, frame(60_000, true, 5000))
  scene.advance(500)
  const other = { ...frame(7, true, 4_000_000_000), ssrc: 0x1234 }
  scene.rtp(publisher, other)
  scene.rtp(publisher, { ...frame(8, false, 4_000_003_000), ssrc: 0x1234 })
  scene.rtp(publisher, frame(60_001, false, 8000))
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 3)
  gapless(sent)
  assert.equal((sent[1]!.timestamp - sent[0]!.timestamp) >>> 0, 45_000)
  assert.equal((sent[2]!.timestamp - sent[1]!.timestamp) >>> 0, 3000)
  assert.equal(scene.router.totals.drop_inactive_ssrc, 1, 'the old one does not come back')
  assert.equal(scene.router.totals.stream_restarts, 1)
})

test('a stream begins anew five times a second at most, and goes on when it stays where it is', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  for (let i = 0; i < 200; i++) {
    scene.advance(5)
    scene.rtp(publisher, opus((i >> 1) % 2 === 0 ? i : 30_000 + i))
  }
  const { stream_restarts: jumps } = scene.router.totals
  assert.ok(jumps >= 5 && jumps <= 10, String(jumps))
  assert.ok(scene.router.totals.drop_jump + scene.router.totals.drop_late >= 80)
  scene.io.takeRtp()
  for (let seq = 10_000; seq < 10_100; seq++) {
    scene.advance(20)
    scene.rtp(publisher, opus(seq))
  }
  assert.ok(scene.io.takeRtp().length > 85)
  // The same by SSRCs.
  const others = new Scene()
  const changing = others.publisher()
  others.subscriber(changing, [sendVideo(20)])
  for (let i = 0; i < 50; i++) others.rtp(changing, { ...frame(i, true, i), ssrc: 0x2000 + i })
  assert.equal(others.router.totals.stream_restarts, 5)
  assert.ok(others.router.totals.drop_inactive_ssrc + others.router.totals.drop_ssrc_limit >= 44)
})

test('two m-lines of one kind go to the streams of the same index', () => {
  const scene = new Scene()
  const screen = { ...videoStream, mid: '2', index: 1, ssrcs: [{ ssrc: 555 }] }
  const publisher = scene.publisher([videoStream, screen])
  scene.subscriber(publisher, [sendVideo(20), sendVideo(30, { index: 1, mid: 'w' })])
  scene.rtp(publisher, { ...frame(1, true), ssrc: 555 })
  scene.rtp(publisher, frame(1, true))
  assert.deepEqual(
    scene.io.takeRtp().map(({ ssrc }) => ssrc),
    [30, 20],
  )
})

test('an SSRC that a new description names again may come back at once', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendVideo(20)])
  scene.rtp(publisher, frame(1, true))
  scene.rtp(publisher, { ...frame(50, true), ssrc: 0x1234 })
  scene.rtp(publisher, frame(2, true))
  assert.equal(scene.io.takeRtp().length, 2)
  publisher.setReceiveStreams([videoStream], scene.nowMs)
  scene.rtp(publisher, frame(3, true))
  scene.rtp(publisher, { ...frame(51, true), ssrc: 0x1234 })
  assert.equal(scene.io.takeRtp().length, 1)
  assert.equal(scene.router.totals.drop_inactive_ssrc, 2)
})

test('a stream that is silent for long gives its memory back, and goes on when it comes back', () => {
  const scene = new Scene()
  const publisher = scene.publisher()
  scene.subscriber(publisher, [sendAudio(10)])
  const { history } = publisher.publications[0]!.encodings[0]!
  for (let seq = 0; seq < 10; seq++) scene.rtp(publisher, opus(seq))
  scene.advance(9000)
  assert.equal(history.resting, false)
  scene.advance(2000)
  assert.equal(history.resting, true)
  scene.rtp(publisher, opus(9))
  scene.rtp(publisher, opus(10))
  assert.equal(scene.router.totals.drop_duplicate, 1)
  const sent = scene.io.takeRtp()
  assert.equal(sent.at(-1)!.extSeq, sent[0]!.extSeq + 10)
})
