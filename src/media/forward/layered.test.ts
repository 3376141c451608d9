/** Layers inside of an encoding: what is left out, what is written anew, and when more or less can be taken up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream, SendStream } from '../control.js'
import { gapless, nack, Stream } from './testing/layered-stream.js'
import { vp8Picture, vp9Frame } from './testing/layers.js'
import { rtxPayload } from './testing/packets.js'
import type { SentRtp } from './testing/recording-io.js'
import { sendVideo } from './testing/scene.js'
import { sps } from './testing/sps.js'

const noRtx: Partial<SendStream> = { rtxSsrc: 0, payloadTypes: [{ codec: 'VP8', pt: 120 }] }

/** VP8 with three temporal layers, T0 T2 T1 T2; of each group the first T1 and T2 are sync points. */
class Vp8Stream extends Stream {
  pictureId = 0x7ffa
  tl0 = 0xfe
  count = 0

  pictures(count: number, keyframe = false): void {
    for (let i = 0; i < count; i++) {
      const tid = [0, 2, 1, 2][this.count % 4]!
      if (tid === 0) this.tl0++
      const key = keyframe && i === 0
      const common = {
        pictureId: this.pictureId & 0x7fff,
        tl0PicIdx: this.tl0,
        tid,
        sync: this.count % 4 !== 3 && tid > 0,
      }
      this.send(vp8Picture({ ...common, keyframe: key, body: [this.count & 0xff] }))
      this.send(vp8Picture({ ...common, rest: true, body: [this.count & 0xff, 1] }), { marker: true })
      this.count++
      this.pictureId++
      this.next()
    }
  }
}

const pictureIdOf = ({ payload }: SentRtp) => ((payload[2]! & 0x7f) << 8) | payload[3]!
const tidOf = ({ payload }: SentRtp) => payload[5]! >> 6

/** Asserts that pictures are numbered without gaps. */
function consecutive(sent: SentRtp[]): void {
  for (let i = 1; i < sent.length; i++) {
    const ahead = (pictureIdOf(sent[i]!) - pictureIdOf(sent[i - 1]!)) & 0x7fff
    const same = sent[i]!.timestamp === sent[i - 1]!.timestamp
    assert.equal(ahead, same ? 0 : 1, `${i}`)
  }
}

test('VP8: all layers pass untouched until a target says less', () => {
  const s = new Vp8Stream()
  s.pictures(8, true)
  const sent = s.scene.io.takeRtp()
  assert.deepEqual(sent.map(tidOf), [0, 0, 2, 2, 1, 1, 2, 2, 0, 0, 2, 2, 1, 1, 2, 2])
  assert.equal(pictureIdOf(sent[0]!), 0x7ffa)
  assert.equal(pictureIdOf(sent.at(-1)!), 1)
})

test('VP8: lower targets leave out pictures without gaps in numbers or picture ids, higher ones wait for sync points', () => {
  const s = new Vp8Stream()
  s.pictures(6, true)
  s.target(0, 0)
  s.pictures(6)
  s.target(0, 1)
  s.pictures(8)
  s.target(0, 2)
  s.pictures(8)
  const sent = s.scene.io.takeRtp()
  gapless(sent)
  consecutive(sent)
  const tids = sent.filter(({ marker }) => marker).map(tidOf)
  assert.deepEqual(tids, [[0, 2, 1, 2, 0, 2], [0], [0, 1, 0, 1], [0, 2, 1, 2, 0, 2, 1, 2]].flat())
  assert.equal(s.plis(), 0)
  assert.equal(s.scene.router.totals.drop_layer, 2 * (28 - tids.length))
  for (const packet of sent) assert.equal(packet.payload.length, packet.marker ? 8 : packet === sent[0] ? 17 : 8)
})

test('VP8: a client that prefers fewer temporal layers gets no more, whatever its target', () => {
  const s = new Vp8Stream()
  s.peer.prefer({ mids: [], video: { maxTemporal: 0 } }, s.scene.nowMs)
  s.pictures(12, true)
  const sent = s.scene.io.takeRtp().filter(({ marker }) => marker)
  assert.deepEqual(sent.map(tidOf).slice(-2), [0, 0])
  assert.ok(sent.length <= 6)
})

const ways: [string, Partial<SendStream>][] = [
  ['with RTX', {}],
  ['without', noRtx],
]
for (const [name, change] of ways) {
  test(`VP8: what is sent again is what was sent, descriptor included, ${name}`, () => {
    const s = new Vp8Stream({}, change)
    s.pictures(6, true)
    s.target(0, 1)
    s.pictures(10)
    s.target(0, 2)
    s.pictures(4)
    const sent = s.scene.io.takeRtp()
    s.scene.advance(50)
    nack(s.scene, s.peer, ...sent.map(({ extSeq }) => extSeq))
    const again = s.scene.io.takeRtp()
    if (name === 'without') return assert.deepEqual(again, sent)
    assert.deepEqual(
      again.map(({ marker, timestamp, payload }) => [marker, timestamp, payload]),
      sent.map(({ marker, timestamp, payload, extSeq }) => [marker, timestamp, rtxPayload(extSeq & 0xffff, payload)]),
    )
  })
}

test('VP8: a late picture of a layer that is left out fills its number without its payload, now and when asked again', () => {
  const s = new Vp8Stream({}, noRtx)
  s.pictures(4, true)
  s.target(0, 0)
  s.pictures(1)
  const late = s.packet(vp8Picture({ pictureId: s.pictureId & 0x7fff, tl0PicIdx: s.tl0, tid: 2 }), { marker: true })
  s.count++
  s.pictureId++
  s.pictures(3)
  const before = s.scene.io.takeRtp()
  s.scene.rtp(s.publisher, late)
  const [filler] = s.scene.io.takeRtp()
  assert.deepEqual([filler!.payload.length, filler!.marker], [0, false])
  assert.ok(!before.some(({ extSeq }) => extSeq === filler!.extSeq))
  gapless([...before, filler!].sort((a, b) => a.extSeq - b.extSeq))
  s.scene.advance(50)
  nack(s.scene, s.peer, filler!.extSeq)
  assert.deepEqual(s.scene.io.takeRtp(), [filler])
})

test('VP8: across SSRCs picture ids, TL0PICIDX and KEYIDX go on; what came before is still sent again as it was', () => {
  const s = new Stream({}, noRtx)
  const picture = (pictureId: number, tl0PicIdx: number, keyIdx: number, keyframe = false) =>
    vp8Picture({ pictureId, tl0PicIdx, tid: 0, keyIdx, keyframe })
  s.send(picture(100, 50, 31, true))
  s.next()
  s.send(picture(101, 51, 31))
  s.next()
  const other = { ssrc: 0x5151, seq: 40_000 }
  s.send(picture(9000, 200, 7, true), other)
  s.next()
  s.send(picture(9001, 201, 7), { ...other, seq: 40_001 })
  const sent = s.scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ payload }) => payload.subarray(0, 6)),
    [picture(100, 50, 31), picture(101, 51, 31), picture(102, 52, 0), picture(103, 53, 0)].map((p) => p.subarray(0, 6)),
  )
  gapless(sent)
  s.scene.advance(50)
  nack(s.scene, s.peer, ...sent.map(({ extSeq }) => extSeq))
  assert.deepEqual(s.scene.io.takeRtp(), sent)
})

test('VP8: short picture ids keep their width', () => {
  const s = new Stream()
  const picture = (pictureId: number, keyframe = false) =>
    vp8Picture({ pictureId, short: true, tl0PicIdx: 1, tid: 0, keyframe })
  s.send(picture(126, true))
  s.send(picture(3, true), { ssrc: 0x5151, timestamp: 9 })
  s.send(picture(4), { ssrc: 0x5151, timestamp: 10 })
  assert.deepEqual(
    s.scene.io.takeRtp().map(({ payload }) => payload[2]),
    [126, 127, 0],
  )
})

const vp9Types: Partial<ReceiveStream> = { payloadTypes: [{ codec: 'VP9', pt: 98, rtxPt: 99 }] }
const vp9Send: Partial<SendStream> = { payloadTypes: [{ codec: 'VP9', pt: 120, rtxPt: 121 }] }

/** VP9 with three spatial and two temporal layers, two packets per layer frame. */
class Vp9Stream extends Stream {
  picture = 0

  constructor(subscriber: Partial<SendStream> = {}) {
    super(vp9Types, { ...vp9Send, ...subscriber })
  }

  pictures(count: number, keyframe = false): void {
    for (let i = 0; i < count; i++) {
      const tid = this.picture % 2
      const key = keyframe && i === 0
      for (let sid = 0; sid < 3; sid++) {
        const common = {
          pictureId: this.picture,
          tl0PicIdx: this.picture >> 1,
          sid,
          tid,
          predicted: !key,
          up: tid === 0,
        }
        const sizes: [number, number][] = [
          [320, 180],
          [640, 360],
          [1280, 720],
        ]
        this.send(vp9Frame({ ...common, end: false, ...(key && sid === 0 && { sizes }) }), { pt: 98 })
        this.send(vp9Frame({ ...common, begin: false }), { pt: 98, marker: sid === 2 })
      }
      this.picture++
      this.next()
    }
  }
}

const sidOf = ({ payload }: SentRtp) => (payload[3]! >> 1) & 7
const vp9TidOf = ({ payload }: SentRtp) => payload[3]! >> 5
/** By picture: highest spatial layer, temporal layer. */
const shape = (sent: SentRtp[]) =>
  sent.filter(({ marker }) => marker).map((packet) => [sidOf(packet), vp9TidOf(packet)])

test('VP9: spatial layers above the target are cut and the last packet that is left ends the picture', () => {
  const s = new Vp9Stream()
  s.pictures(4, true)
  s.target(1, 1)
  s.pictures(4)
  const sent = s.scene.io.takeRtp()
  gapless(sent)
  assert.deepEqual(
    shape(sent),
    [2, 2, 2, 2, 1, 1, 1, 1].map((sid, i) => [sid, i % 2]),
  )
  assert.equal(sent.length, 4 * 6 + 4 * 4)
  assert.equal(sent.filter(({ marker }) => marker).length, 8)
  s.target(2, 1)
  s.pictures(2)
  assert.ok(s.plis() >= 1, 'spatial layers come back with a keyframe')
  s.pictures(2, true)
  assert.deepEqual(
    shape(s.scene.io.takeRtp()).map(([sid]) => sid),
    [1, 1, 2, 2],
  )
  assert.deepEqual(
    s.publisher.publications[0]!.layers(s.scene.nowMs).map(({ width, height, rateBps }) => [
      width,
      height,
      rateBps.length,
    ]),
    [
      [320, 180, 2],
      [640, 360, 2],
      [1280, 720, 2],
    ],
  )
})

test('VP9: temporal layers go at once and come back at a switching point', () => {
  const s = new Vp9Stream()
  s.pictures(2, true)
  s.target(2, 0)
  s.pictures(4)
  s.target(2, 1)
  s.pictures(3)
  const sent = s.scene.io.takeRtp()
  gapless(sent)
  assert.deepEqual(
    shape(sent).map(([, tid]) => tid),
    [0, 1, 0, 0, 0, 1, 0],
  )
  assert.equal(s.plis(), 0)
})

test('VP9: packets whose marker was set are sent again with it', () => {
  const s = new Vp9Stream({ rtxSsrc: 0, payloadTypes: [{ codec: 'VP9', pt: 120 }] })
  s.pictures(2, true)
  s.target(0, 1)
  s.pictures(4)
  const sent = s.scene.io.takeRtp()
  s.scene.advance(50)
  nack(s.scene, s.peer, ...sent.map(({ extSeq }) => extSeq))
  assert.deepEqual(s.scene.io.takeRtp(), sent)
})

test('VP9: across SSRCs picture ids go on', () => {
  const s = new Vp9Stream()
  s.pictures(1, true)
  s.send(vp9Frame({ pictureId: 700, tl0PicIdx: 9, sid: 0, tid: 0 }), { pt: 98, ssrc: 0x5151, marker: true })
  const last = s.scene.io.takeRtp().at(-1)!
  assert.deepEqual(last.payload, vp9Frame({ pictureId: 1, tl0PicIdx: 1, sid: 0, tid: 0 }))
})

test('H264: the size of the picture is that of its parameter set', () => {
  const types: Partial<ReceiveStream> = { payloadTypes: [{ codec: 'H264', pt: 102 }] }
  const s = new Stream(types, { payloadTypes: [{ codec: 'H264', pt: 107 }] })
  s.send(sps({ columns: 80, rows: 45 }), { pt: 102 })
  s.send(Uint8Array.of(0x65, 0x88, 1), { pt: 102, marker: true })
  const [layer] = s.publisher.publications[0]!.layers(s.scene.nowMs)
  assert.deepEqual([layer!.width, layer!.height], [1280, 720])
})

test('a payload in which no keyframe can be told is sent all the same, from the start of a frame, after some requests', () => {
  const s = new Stream({ payloadTypes: [{ codec: 'H264', pt: 102 }] }, { payloadTypes: [{ codec: 'H264', pt: 107 }] })
  const frame = () => {
    s.send(Uint8Array.of(0xe1, 1, 2), { pt: 102 })
    s.send(Uint8Array.of(0xe1, 3, 4), { pt: 102, marker: true })
    s.next()
  }
  for (let ms = 0; ms < 2000; ms += 33) frame()
  assert.deepEqual(s.scene.io.takeRtp(), [])
  for (let ms = 0; ms < 1000; ms += 33) frame()
  const sent = s.scene.io.takeRtp()
  assert.ok(sent.length > 10)
  assert.equal(sent[0]!.payload[1], 1)
  gapless(sent)
  const late = s.scene.subscriber(s.publisher, [sendVideo(30, { payloadTypes: [{ codec: 'H264', pt: 107 }] })])
  frame()
  assert.equal(s.scene.io.takeRtp().filter(({ ssrc }) => ssrc === late.feeds[0]!.subscription.ssrc).length, 2)
  s.scene.said()
  s.scene.advance(100)
  assert.equal(s.plis(), 0)
})
