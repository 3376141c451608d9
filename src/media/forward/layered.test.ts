/** Layers inside of an encoding: what is left out, what is written anew, and when more or less can be taken up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream, SendStream } from '../control.js'
import { writeNack } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { type Descriptor, descriptor, type Structure, vp8Picture, vp9Frame } from './testing/layers.js'
import { rtxPayload } from './testing/packets.js'
import { elementOf, type SentRtp } from './testing/recording-io.js'
import { Scene, sendVideo, VIDEO_SSRC, videoStream } from './testing/scene.js'

const noRtx: Partial<SendStream> = { rtxSsrc: 0, payloadTypes: [{ codec: 'VP8', pt: 120 }] }

function gapless(sent: SentRtp[]): void {
  for (let i = 1; i < sent.length; i++) assert.equal(sent[i]!.extSeq, sent[i - 1]!.extSeq + 1)
}

function nack(scene: Scene, peer: Peer, ...extSeqs: number[]): void {
  const bytes = new Uint8Array(200)
  const seqs = extSeqs.map((extSeq) => extSeq & 0xffff)
  scene.rtcp(peer, bytes.subarray(0, writeNack(bytes, 0, 99, 20, seqs)))
}

/** A publisher of one encoding and its subscriber. */
class Stream {
  readonly scene = new Scene()
  readonly publisher: Peer
  readonly peer: Peer
  seq = 1000
  timestamp = 0

  constructor(change: Partial<ReceiveStream> = {}, subscriber: Partial<SendStream> = {}) {
    this.publisher = this.scene.publisher([{ ...videoStream, ...change }])
    this.peer = this.scene.subscriber(this.publisher, [sendVideo(20, subscriber)])
  }

  packet(payload: Uint8Array, change: object = {}) {
    const { seq, timestamp } = this
    this.seq = (seq + 1) & 0xffff
    return { pt: 96, seq, timestamp, ssrc: VIDEO_SSRC, extensions: { 4: '1' }, payload, ...change }
  }

  send(payload: Uint8Array, change: object = {}): void {
    this.scene.rtp(this.publisher, this.packet(payload, change))
  }

  target(spatial: number, temporal: number): void {
    this.peer.feeds[0]!.subscription.setTarget({ spatial, temporal }, this.scene.nowMs)
  }

  next(): void {
    this.timestamp += 3000
    this.scene.advance(33)
  }

  plis(): number {
    return this.scene.said().flatMap(({ pli }) => pli).length
  }
}

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

/** AV1 L2T2_KEY: inter pictures of the upper layer do not refer to the lower one. Targets S0T0, S0T1, S1T0, S1T1. */
const l2t2key: Structure = {
  offset: 0,
  templates: [
    { spatial: 0, temporal: 0, dtis: 'SSSS', fdiffs: [] },
    { spatial: 0, temporal: 0, dtis: 'SS--', fdiffs: [4] },
    { spatial: 0, temporal: 1, dtis: '-D--', fdiffs: [2] },
    { spatial: 1, temporal: 0, dtis: '--SS', fdiffs: [1] },
    { spatial: 1, temporal: 0, dtis: '--SS', fdiffs: [4] },
    { spatial: 1, temporal: 1, dtis: '---D', fdiffs: [2] },
  ],
  sizes: [
    [640, 360],
    [1280, 720],
  ],
}
const DD = 9
const av1: Partial<ReceiveStream> = {
  payloadTypes: [{ codec: 'AV1', pt: 45, rtxPt: 46 }],
  extensions: { ...videoStream.extensions, 'dependency-descriptor': DD },
}
const av1Send: Partial<SendStream> = {
  payloadTypes: [{ codec: 'AV1', pt: 45, rtxPt: 46 }],
  extensions: { mid: 3, 'dependency-descriptor': 8 },
}

/** Payloads are opaque: two bytes, layer and picture. */
class Av1Stream extends Stream {
  picture = 0
  frame = 0

  constructor(subscriber: Partial<SendStream> = {}) {
    super(av1, { ...av1Send, ...subscriber })
  }

  one(spatial: number, d: Omit<Descriptor, 'frame'>, marker: boolean): void {
    const extensions = { 4: '1', [DD]: descriptor({ ...d, frame: this.frame++ }) }
    const payload = Uint8Array.of(0x5a, spatial, this.picture)
    this.scene.bytes(this.publisher, wide(this.packet(payload, { pt: 45, marker, extensions })), 'rtp')
  }

  pictures(count: number, keyframe = false): void {
    for (let i = 0; i < count; i++) {
      const key = keyframe && i === 0
      const temporal = this.picture % 2
      this.one(0, key ? { template: 0, structure: l2t2key } : { template: 1 + temporal }, false)
      this.one(1, { template: key ? 3 : 4 + temporal }, true)
      this.picture++
      this.next()
    }
  }
}

/** A packet in the two-byte form of RFC 8285: structures are longer than 16 bytes. */
function wide(
  packet: { pt: number; seq: number; timestamp: number; ssrc: number; payload: Uint8Array } & object,
): Uint8Array {
  const { marker, extensions } = packet as unknown as {
    marker: boolean
    extensions: Record<number, Uint8Array | string>
  }
  const elements: number[] = []
  for (const [id, value] of Object.entries(extensions)) {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    elements.push(Number(id), bytes.length, ...bytes)
  }
  while (elements.length % 4 !== 0) elements.push(0)
  const head = Buffer.alloc(16)
  head[0] = 0x90
  head[1] = packet.pt | (marker ? 0x80 : 0)
  head.writeUInt16BE(packet.seq, 2)
  head.writeUInt32BE(packet.timestamp, 4)
  head.writeUInt32BE(packet.ssrc, 8)
  head.writeUInt16BE(0x1000, 12)
  head.writeUInt16BE(elements.length / 4, 14)
  return Uint8Array.from([...head, ...elements, ...packet.payload])
}

const layersOf = (sent: SentRtp[]) =>
  sent.map(({ payload, marker }) => `${payload[1]}${payload[2]! % 2}${marker ? '!' : ''}`)

test('dependency descriptor: keyframes and layers without a look at the payload, structure carried on', () => {
  const s = new Av1Stream()
  s.pictures(1)
  assert.deepEqual(s.scene.io.takeRtp(), [], 'no structure, no keyframe')
  s.picture = 0
  s.pictures(3, true)
  const sent = s.scene.io.takeRtp()
  assert.deepEqual(layersOf(sent), ['00', '10!', '01', '11!', '00', '10!'])
  const [first] = sent
  assert.deepEqual(elementOf(first!.extension, 8), descriptor({ template: 0, frame: 2, structure: l2t2key }))
  assert.deepEqual(
    s.publisher.publications[0]!.layers(s.scene.nowMs).map(({ height, rateBps }) => [height, rateBps.length]),
    [
      [360, 2],
      [720, 2],
    ],
  )
})

test('dependency descriptor: a decode target gets its frames only, with the marker on the last of each picture', () => {
  const s = new Av1Stream()
  s.pictures(4, true)
  s.target(0, 1)
  s.pictures(2)
  s.target(0, 0)
  s.pictures(4)
  const sent = s.scene.io.takeRtp().slice(8)
  gapless(sent)
  assert.deepEqual(layersOf(sent), ['00!', '01!', '00!', '00!'], 'down at once: all frames of it had been sent')
  s.target(1, 0)
  s.pictures(2)
  assert.ok(s.plis() >= 1)
  assert.deepEqual(layersOf(s.scene.io.takeRtp()), ['00!'])
  s.pictures(4, true)
  assert.deepEqual(
    layersOf(s.scene.io.takeRtp()),
    ['00', '10!', '10!'],
    'of the target S1T0 inter pictures are one frame',
  )
  s.target(0, 0)
  s.pictures(2)
  s.scene.advance(400)
  assert.deepEqual(layersOf(s.scene.io.takeRtp()), ['10!'], 'frames of S0 were left out: there is no way down…')
  assert.ok(s.plis() >= 1)
  s.pictures(2, true)
  assert.deepEqual(layersOf(s.scene.io.takeRtp()), ['00!'], '…but a keyframe')
})

test('dependency descriptor: a temporal layer is taken up at a switch', () => {
  const s = new Av1Stream()
  s.pictures(2, true)
  s.target(1, 0)
  s.pictures(4)
  s.target(1, 1)
  s.pictures(4)
  assert.deepEqual(layersOf(s.scene.io.takeRtp()).slice(4), ['10!', '10!', '10!', '11!', '10!', '11!'])
  assert.equal(s.plis(), 0)
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

test('dependency descriptor: a structure that comes behind a newer one changes nothing', () => {
  const s = new Av1Stream()
  s.pictures(2, true)
  s.target(0, 1)
  s.pictures(2)
  const extensions = { 4: '1', [DD]: descriptor({ template: 0, frame: s.frame++, structure: l2t2key }) }
  const late = wide(s.packet(Uint8Array.of(0x5a, 0, 0), { pt: 45, marker: false, extensions }))
  const newer = { ...l2t2key, offset: 20 }
  s.one(0, { template: 20, structure: newer }, false)
  s.one(1, { template: 23 }, true)
  s.next()
  s.scene.bytes(s.publisher, late, 'rtp')
  s.scene.io.takeRtp()
  for (let i = 0; i < 4; i++) {
    s.one(0, { template: 21 }, false)
    s.one(1, { template: 24 }, true)
    s.next()
  }
  assert.deepEqual(
    s.scene.io.takeRtp().map(({ payload }) => payload[1]),
    [0, 0, 0, 0],
  )
})
