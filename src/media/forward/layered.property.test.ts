/** Whatever arrives in whatever order, with whatever changes of layers and of terms: no number stands for two packets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ReceiveStream, SendStream } from '../control.js'
import { writeNack } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { vp8Picture } from './testing/layers.js'
import type { TestPacket } from './testing/packets.js'
import type { SentRtp } from './testing/recording-io.js'
import { Scene, sendVideo, videoStream } from './testing/scene.js'

type Step =
  /** The next packet of an encoding: arrives now, later, or never. */
  | { do: 'send'; encoding: 0 | 1; fate: 'now' | 'later' | 'lost' }
  /** A packet that was held back arrives. */
  | { do: 'late'; which: number }
  /** An encoding makes its next picture a keyframe. */
  | { do: 'keyframe'; encoding: 0 | 1 }
  | { do: 'target'; spatial: number; temporal: number }
  | { do: 'pause' }
  /** An encoding goes on under another SSRC. */
  | { do: 'replace'; encoding: 0 | 1 }
  /** The subscriber accepts another payload type and extension id than before, or the publisher offers others. */
  | { do: 'renegotiate'; side: 'subscriber' | 'publisher' }
  /** The subscriber follows nobody, or the publisher again. */
  | { do: 'turn' }
  /** The subscriber asks for numbers that far behind the newest. */
  | { do: 'nack'; back: number[] }

const encoding = fc.constantFrom<0 | 1>(0, 1)
const ordered = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ do: fc.constant('send' as const), encoding, fate: fc.constant('now' as const) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('keyframe' as const), encoding }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('target' as const), spatial: fc.nat(1), temporal: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replace' as const), encoding }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('renegotiate' as const),
      side: fc.constantFrom('subscriber' as const, 'publisher' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
)
const anyStep = fc.oneof(
  { weight: 4, arbitrary: ordered },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      encoding,
      fate: fc.constantFrom('later' as const, 'lost' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('late' as const), which: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('nack' as const),
      back: fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }),
    }),
  },
)

/** Two encodings with three temporal layers, two packets per picture, and one subscriber without RTX. */
class World {
  readonly scene = new Scene()
  readonly publisher: Peer
  readonly peer: Peer
  readonly held: TestPacket[] = []
  readonly encodings = [0, 1].map((index) => ({
    ...{ ssrc: 100 + index, seq: 65_000 + index * 300, packets: 0, pictureId: index * 9000, tl0: 0, key: true },
    rid: index === 0 ? 'q' : 'f',
    keyframe: true,
  }))
  newest = -1
  readonly #terms = { subscriber: 0, publisher: 0 }
  #follows = true

  constructor() {
    this.publisher = this.scene.publisher([this.#received])
    this.peer = this.scene.subscriber(this.publisher, [this.#accepted])
  }

  get #received(): ReceiveStream {
    const { publisher } = this.#terms
    const extensions = { ...videoStream.extensions, mid: 4 - publisher }
    return { ...videoStream, ssrcs: [], payloadTypes: [{ codec: 'VP8', pt: 96 + publisher }], extensions }
  }

  get #accepted(): SendStream {
    const { subscriber } = this.#terms
    const payloadTypes = [{ codec: 'VP8' as const, pt: 120 + subscriber }]
    return sendVideo(20, { rtxSsrc: 0, payloadTypes, extensions: { mid: 3 + subscriber } })
  }

  step(step: Step): SentRtp[] {
    const { scene } = this
    const { subscription } = this.peer.feeds[0]!
    if (step.do === 'send') this.#send(step.encoding, step.fate)
    else if (step.do === 'late') this.#late(step.which)
    else if (step.do === 'keyframe') this.encodings[step.encoding]!.key = true
    else if (step.do === 'target') subscription.setTarget(step, scene.nowMs)
    else if (step.do === 'pause') subscription.setTarget(null, scene.nowMs)
    else if (step.do === 'replace') this.#replace(step.encoding)
    else if (step.do === 'renegotiate') this.#renegotiate(step.side)
    else if (step.do === 'turn') this.#turn()
    else this.#nack(step.back)
    scene.advance(7)
    const sent = scene.io.takeRtp()
    for (const { extSeq } of sent) this.newest = Math.max(this.newest, extSeq)
    return sent
  }

  #send(index: number, fate: 'now' | 'later' | 'lost'): void {
    const e = this.encodings[index]!
    const rest = e.packets % 2 === 1
    if (!rest) {
      e.keyframe = e.key
      e.key = false
      e.pictureId++
    }
    const group = (e.packets >> 1) % 4
    const tid = e.keyframe ? 0 : [0, 2, 1, 2][group]!
    if (!rest && tid === 0) e.tl0++
    const common = {
      pictureId: e.pictureId & 0x7fff,
      tl0PicIdx: e.tl0 & 0xff,
      tid,
      sync: tid > 0 && group !== 3,
      keyIdx: 3,
    }
    const payload = vp8Picture({ ...common, keyframe: e.keyframe && !rest, rest, body: [index, e.packets & 0xff] })
    const { publisher } = this.#terms
    const head = {
      pt: 96 + publisher,
      marker: rest,
      seq: e.seq & 0xffff,
      timestamp: (e.packets >> 1) * 3000,
      ssrc: e.ssrc,
    }
    const packet = { ...head, extensions: { [4 - publisher]: '1', 10: e.rid }, payload }
    e.packets++
    e.seq++
    if (fate === 'now') this.scene.rtp(this.publisher, packet)
    else if (fate === 'later') this.held.push(packet)
  }

  #late(which: number): void {
    const [packet] = this.held.splice(which % Math.max(1, this.held.length), 1)
    if (packet) this.scene.rtp(this.publisher, packet)
  }

  #replace(index: number): void {
    const e = this.encodings[index]!
    e.ssrc += 10
    e.seq = (e.seq * 7) & 0xffff
    e.key = true
    e.packets += e.packets % 2
  }

  #renegotiate(side: 'subscriber' | 'publisher'): void {
    this.#terms[side] ^= 1
    const { nowMs } = this.scene
    if (side === 'publisher') this.publisher.setReceiveStreams([this.#received], nowMs)
    else this.peer.setSendStreams([this.#accepted], nowMs)
  }

  #turn(): void {
    this.#follows = !this.#follows
    this.peer.follow(this.#follows ? this.publisher : null, this.scene.nowMs)
  }

  #nack(back: number[]): void {
    if (this.newest < 0) return
    const bytes = new Uint8Array(200)
    const seqs = [...new Set(back.map((by) => (this.newest - by) & 0xffff))].sort((a, b) => a - b)
    this.scene.rtcp(this.peer, bytes.subarray(0, writeNack(bytes, 0, 1, 20, seqs)))
  }
}

test('in order delivery leaves no hole in what is sent, and pictures are numbered on', () => {
  fc.assert(
    fc.property(fc.array(ordered, { minLength: 50, maxLength: 300 }), (steps) => {
      const world = new World()
      const sent = steps.flatMap((step) => world.step(step))
      for (let i = 1; i < sent.length; i++) {
        const [a, b] = [sent[i - 1]!, sent[i]!]
        assert.equal(b.extSeq, a.extSeq + 1)
        const pictures = [a, b].map(({ payload }) => ((payload[2]! & 0x7f) << 8) | payload[3]!)
        const ahead = (pictures[1]! - pictures[0]!) & 0x7fff
        assert.ok(ahead < 0x4000, `picture ${pictures}`)
        if (a.timestamp !== b.timestamp) assert.ok(((b.timestamp - a.timestamp) | 0) > 0, 'time went back')
      }
    }),
    { numRuns: 150 },
  )
})

test('in any order, with losses and requests, no number is ever sent with other bytes', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 50, maxLength: 400 }), (steps) => {
      const world = new World()
      const seen = new Map<number, SentRtp>()
      for (const step of steps) {
        for (const packet of world.step(step)) {
          const before = seen.get(packet.extSeq)
          if (before) assert.deepEqual(packet, before)
          else seen.set(packet.extSeq, packet)
        }
      }
    }),
    { numRuns: 150 },
  )
})
