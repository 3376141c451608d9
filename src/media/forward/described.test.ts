/** Layers that dependency descriptors tell of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream, SendStream } from '../control.js'
import { readRtp } from '../rtp/packet.js'
import { LayerReader } from './layer-reader.js'
import { newPacket } from './packet.js'
import { gapless, Stream, wide } from './testing/layered-stream.js'
import { type Descriptor, descriptor, type Structure } from './testing/layers.js'
import { elementOf, type SentRtp } from './testing/recording-io.js'
import { videoStream } from './testing/scene.js'

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

test('dependency descriptor: a structure that is repeated is no news; of new ones so many are read, and all packets go on', () => {
  const s = new Av1Stream()
  s.pictures(1, true)
  const { totals } = s.scene.router
  const { layers } = s.publisher.publications[0]!.encodings[0]!
  const { version } = layers
  for (let i = 0; i < 200; i++) s.one(0, { template: 0, structure: l2t2key }, true)
  assert.deepEqual([layers.version, totals.structures_refused], [version, 0])
  const floods = (count: number) => {
    for (let i = 0; i < count; i++) {
      const offset = 1 + (i % 60)
      s.one(0, { template: offset, structure: { ...l2t2key, offset } }, true)
    }
  }
  s.scene.io.takeRtp()
  floods(200)
  assert.equal(s.scene.io.takeRtp().length, 200)
  assert.equal(totals.structures_refused, 200 - 19)
  assert.ok(layers.version - version <= 19 + 1)
  assert.ok(!layers.described, 'what refers to one that was not read says nothing about layers')
  // Neither does going back and forth between two.
  const flooded = layers.version
  for (let i = 0; i < 100; i++)
    s.one(0, { template: 0, structure: i % 2 === 0 ? l2t2key : { ...l2t2key, offset: 5 } }, true)
  assert.equal(layers.version, flooded)
  s.scene.advance(1000)
  floods(50)
  assert.equal(totals.structures_refused, 200 - 19 + 100 + 40)
  s.scene.advance(100)
  s.pictures(2, true)
  s.target(0, 1)
  s.scene.io.takeRtp()
  s.pictures(2)
  assert.deepEqual(layersOf(s.scene.io.takeRtp()), ['01!', '00!'])
})

test('dependency descriptor: what waited, or comes late, is told apart by the structure that it was made with', () => {
  const s = new Av1Stream()
  const reader = new LayerReader({ structures_refused: 0 })
  const packetOf = (d: Omit<Descriptor, 'frame'>) => {
    const extensions = { 4: '1', [DD]: descriptor({ ...d, frame: s.frame++ }) }
    return wide(s.packet(Uint8Array.of(0x5a, 0, 0), { pt: 45, marker: true, extensions }))
  }
  /** The targets that it is for, from the right: S0T0, S0T1, S1T0, S1T1; '' when it says nothing. */
  const read = (bytes: Uint8Array) => {
    const packet = newPacket()
    readRtp(bytes, 0, bytes.length, packet.view)
    Object.assign(packet, {
      bytes,
      codec: s.publisher.publications[0]!.types.codec[45],
      extSeq: packet.view.seq,
      payloadLength: 3,
    })
    reader.read(packet, bytes.length - 3, DD)
    return packet.layered ? packet.present.toString(2).padStart(4, '0') : ''
  }
  const before = packetOf({ template: 1 })
  const waiting = [l2t2key, { ...l2t2key, offset: 20 }, { ...l2t2key, offset: 40 }].map((structure) => {
    const { offset } = structure
    assert.equal(read(packetOf({ template: offset, structure })), '1111')
    return [1, 2, 4, 5].map((template) => packetOf({ template: offset + template }))
  })
  assert.equal(read(before), '')
  assert.deepEqual(
    waiting.map((packets) => packets.map(read)),
    [
      ['', '', '', ''],
      // A frame of S0 counts as one that S1 may need.
      ['1111', '1010', '1100', '1000'],
      ['0011', '0010', '1100', '1000'],
    ],
  )
})
