/** Encodings of one m-line: who gets which, and what a change between them looks like on the wire. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SendStream } from '../control.js'
import { writeNack, writePli, writeSenderReport } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { rtxPayload, vp8, vp8Rest } from './testing/packets.js'
import type { SentRtp } from './testing/recording-io.js'
import { Scene, sendVideo, videoStream } from './testing/scene.js'
import { sps } from './testing/sps.js'

const Q = 0x1001
const F = 0x2001
const SIZES: Record<number, number> = { [Q]: 10, [F]: 200 }

/** Asserts that numbers of one SSRC go up by one. */
function gapless(sent: SentRtp[]): void {
  for (let i = 1; i < sent.length; i++) assert.equal(sent[i]!.extSeq, sent[i - 1]!.extSeq + 1)
}

function nack(scene: Scene, peer: Peer, ssrc: number, ...extSeqs: number[]): void {
  const bytes = new Uint8Array(200)
  const seqs = extSeqs.map((extSeq) => extSeq & 0xffff)
  scene.rtcp(peer, bytes.subarray(0, writeNack(bytes, 0, 99, ssrc, seqs)))
}

/** A publisher of the encodings q and f, known by rid, that sends a packet of both every 20 ms. */
class Simulcast {
  readonly scene = new Scene()
  readonly publisher: Peer
  readonly seqs: Record<number, number> = { [Q]: 65_500, [F]: 300 }
  /** Encodings that are left off. */
  readonly off = new Set<number>()
  ticks = 0

  constructor(ssrcs: { ssrc: number; rtxSsrc?: number }[] = []) {
    this.publisher = this.scene.publisher([{ ...videoStream, ssrcs }])
  }

  send(ssrc: number, keyframe = false, change: object = {}): void {
    const seq = this.seqs[ssrc]!++ & 0xffff
    const payload = keyframe ? vp8(true, ...this.#body(ssrc)) : vp8Rest(...this.#body(ssrc))
    const timestamp = (this.ticks * 1800 + (ssrc === F ? 4_294_900_000 : 0)) >>> 0
    const extensions = { 4: '1', 10: ssrc === Q ? 'q' : 'f' }
    this.scene.rtp(this.publisher, { pt: 96, marker: true, seq, timestamp, ssrc, extensions, payload, ...change })
  }

  /** Both encodings, for a while; keyframes of those named come with the first packets. */
  run(count: number, ...keyframes: number[]): void {
    for (let i = 0; i < count; i++) {
      for (const ssrc of [Q, F]) if (!this.off.has(ssrc)) this.send(ssrc, i === 0 && keyframes.includes(ssrc))
      this.ticks++
      this.scene.advance(20)
    }
  }

  report(ssrc: number, ntpSeconds: number, rtpTimestamp: number): void {
    const bytes = new Uint8Array(28)
    const counts = { packetCount: 1, octetCount: 1 }
    writeSenderReport(bytes, 0, { ssrc, ntpSeconds, ntpFraction: 0, rtpTimestamp, ...counts })
    this.scene.rtcp(this.publisher, bytes)
  }

  plis(): number[] {
    return this.scene.said().flatMap(({ keyframes }) => keyframes)
  }

  #body(ssrc: number): number[] {
    return new Array<number>(SIZES[ssrc]!).fill(this.ticks & 0xff)
  }
}

const isLarge = ({ payload }: SentRtp) => payload.length > 100

/** A subscriber that gets the large encoding. */
function onLarge(): { s: Simulcast; peer: Peer } {
  const s = new Simulcast()
  const peer = s.scene.subscriber(s.publisher, [sendVideo(20)])
  s.run(40, Q, F)
  s.run(10, F)
  assert.ok(isLarge(s.scene.io.takeRtp().at(-1)!))
  s.plis()
  return { s, peer }
}

test('subscribers of one m-line are on different encodings, each without gaps, whatever becomes of the other', () => {
  const { s } = onLarge()
  const small = s.scene.subscriber(s.publisher, [sendVideo(30)])
  small.feeds[0]!.subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
  s.scene.advance(0)
  assert.deepEqual(s.plis(), [Q])
  s.run(5)
  s.run(20, Q)
  const sent = s.scene.io.takeRtp()
  const of = (ssrc: number) => sent.filter((packet) => packet.ssrc === ssrc)
  assert.equal(of(20).length, 25)
  assert.equal(of(30).length, 20)
  assert.ok(of(20).every(isLarge))
  assert.ok(!of(30).some(isLarge))
  gapless(of(20))
  gapless(of(30))
  const [line] = s.publisher.info(s.scene.nowMs).inbound
  assert.deepEqual(
    line!.encodings.map(({ rid, ssrc, subscriptions, receiving }) => [rid, ssrc, subscriptions, receiving]),
    [
      ['q', Q, 1, true],
      ['f', F, 1, true],
    ],
  )
  assert.deepEqual([line!.ssrc, line!.rid, line!.subscriptions], [F, 'f', 2])
  assert.equal(line!.figures.packets, line!.encodings[0]!.figures.packets + line!.encodings[1]!.figures.packets)
})

test('down and up again in mid-stream: at a keyframe of the other one, numbers and time go on', () => {
  const { s, peer } = onLarge()
  const { subscription } = peer.feeds[0]!
  subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
  s.run(10)
  assert.deepEqual(s.plis(), [Q])
  assert.ok(s.scene.io.rtpSent.every(isLarge), 'until then the present one goes on')
  s.run(10, Q)
  assert.deepEqual(s.plis(), [])
  subscription.setTarget({ spatial: 1, temporal: 0 }, s.scene.nowMs)
  s.run(10)
  s.run(10, F)
  assert.deepEqual(s.plis(), [F])
  const sent = s.scene.io.takeRtp()
  gapless(sent)
  assert.equal(sent.length, 41, 'of the tick of the second change both were sent')
  assert.deepEqual(
    sent.map(isLarge),
    [10, 21, 10].flatMap((count, i) => new Array<boolean>(count).fill(i !== 1)),
  )
  for (let i = 1; i < sent.length; i++) {
    const ticks = (sent[i]!.timestamp - sent[i - 1]!.timestamp) >>> 0
    assert.ok(ticks > 0 && ticks <= 1801, `${i}: ${ticks}`)
  }
})

const H264_SIZES: Record<number, [columns: number, rows: number]> = { [Q]: [20, 12], [F]: [80, 45] }

/** As `Simulcast.run`, in H264: a keyframe is parameter sets in a STAP-A (RFC 6184 §5.7.1), then an IDR slice; else P slices. */
function runH264(s: Simulcast, count: number, ...keyframes: number[]): void {
  for (let i = 0; i < count; i++) {
    for (const ssrc of [Q, F]) {
      const [columns, rows] = H264_SIZES[ssrc]!
      const units = [sps({ columns, rows }), Uint8Array.of(0x68, 0xce, 0x38, 0x80)]
      const sets = Uint8Array.from([0x78, ...units.flatMap((unit) => [0, unit.length, ...unit])])
      const slice = (header: number) => new Uint8Array(SIZES[ssrc]!).fill(s.ticks & 0xff).fill(header, 0, 1)
      const isKey = i === 0 && keyframes.includes(ssrc)
      if (isKey) s.send(ssrc, false, { pt: 102, marker: false, payload: sets })
      s.send(ssrc, false, { pt: 102, payload: slice(isKey ? 0x65 : 0x41) })
    }
    s.ticks++
    s.scene.advance(20)
  }
}

test('H264 down and up again: at the parameter sets of a keyframe of the other one, numbers and time go on', () => {
  const s = new Simulcast()
  const peer = s.scene.subscriber(s.publisher, [sendVideo(20)])
  runH264(s, 40, Q, F)
  runH264(s, 10, F)
  const { subscription } = peer.feeds[0]!
  s.scene.io.takeRtp()
  s.plis()
  subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
  runH264(s, 10)
  assert.deepEqual(s.plis(), [Q])
  runH264(s, 10, Q)
  subscription.setTarget({ spatial: 1, temporal: 0 }, s.scene.nowMs)
  runH264(s, 10)
  assert.deepEqual(s.plis(), [F])
  runH264(s, 10, F)
  assert.deepEqual(s.plis(), [])
  const sent = s.scene.io.takeRtp()
  gapless(sent)
  const nal = ({ payload }: SentRtp) => payload[0]! & 0x1f
  const keyframes = sent.flatMap((packet, i) => (nal(packet) === 24 ? [i] : []))
  // Nothing of an encoding comes before its keyframe.
  assert.deepEqual(
    keyframes.map((i) => sent.slice(i, i + 3).map(nal)),
    [
      [24, 5, 1],
      [24, 5, 1],
    ],
  )
  const slices = sent.filter((packet) => nal(packet) !== 24)
  assert.deepEqual(
    slices.map(isLarge),
    [10, 21, 10].flatMap((count, i) => new Array<boolean>(count).fill(i !== 1)),
  )
  for (const [i, { timestamp, pt, ssrc }] of sent.entries()) {
    assert.deepEqual([pt, ssrc], [107, 20])
    const ticks = i === 0 ? 1 : (timestamp - sent[i - 1]!.timestamp) >>> 0
    // Packets of one keyframe have one time.
    if (keyframes.includes(i - 1)) assert.equal(ticks, 0, `${i}`)
    else assert.ok(ticks > 0 && ticks <= 1801, `${i}: ${ticks}`)
  }
})

test('sender reports of both encodings say what the timestamps of the other one are', () => {
  const { s, peer } = onLarge()
  const at = s.ticks * 1800
  // By arrival the next packets of both would be of the same moment; they are 300 ms apart.
  s.report(F, 1000, (at + 4_294_900_000) >>> 0)
  s.report(Q, 1001, at + 90_000 - 27_000)
  const { subscription } = peer.feeds[0]!
  s.run(1)
  const [before] = s.scene.io.takeRtp()
  subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
  s.run(1, Q)
  const after = s.scene.io.takeRtp()[0]!
  assert.ok(!isLarge(after))
  assert.equal((after.timestamp - before!.timestamp) >>> 0, 27_000 + 1800)
})

test('sender reports that disagree with the wall time by seconds are not believed, and time never goes back', () => {
  for (const [seconds, ticks] of [
    [1003, 1800],
    [1000, 1],
  ] as const) {
    const { s, peer } = onLarge()
    const at = s.ticks * 1800
    s.report(F, 1000, (at + 4_294_900_000) >>> 0)
    s.report(Q, seconds, at + (seconds === 1000 ? 27_000 : 0))
    s.run(1)
    const [before] = s.scene.io.takeRtp()
    peer.feeds[0]!.subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
    s.run(1, Q)
    assert.equal((s.scene.io.takeRtp()[0]!.timestamp - before!.timestamp) >>> 0, ticks)
  }
})

test('after a change the sender report of the encoding that is sent goes out, translated', () => {
  const { s, peer } = onLarge()
  peer.feeds[0]!.subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
  s.run(1, Q)
  const [key] = s.scene.io.takeRtp()
  s.scene.said()
  s.report(F, 1000, 1)
  assert.equal(s.scene.said().filter(({ transport }) => transport === 1).length, 0)
  s.report(Q, 1000, (s.ticks - 1) * 1800 + 500)
  const [said] = s.scene.said()
  assert.equal(said!.senderReports[0]!.rtpTimestamp, (key!.timestamp + 500) >>> 0)
})

const ways: [string, Partial<SendStream>][] = [
  ['with RTX', {}],
  ['without', { rtxSsrc: 0, payloadTypes: [{ codec: 'VP8', pt: 120 }] }],
]
for (const [name, change] of ways) {
  test(`a NACK across a change finds what was sent before it, ${name}`, () => {
    const s = new Simulcast()
    const peer = s.scene.subscriber(s.publisher, [sendVideo(20, change)])
    s.run(40, Q, F)
    s.run(10, F)
    peer.feeds[0]!.subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
    s.run(5)
    s.run(5, Q)
    const sent = s.scene.io.takeRtp()
    const lost = [sent.at(-8)!, sent.at(-7)!, sent.at(-3)!]
    assert.deepEqual(lost.map(isLarge), [true, true, false])
    nack(s.scene, peer, 20, ...lost.map(({ extSeq }) => extSeq))
    const again = s.scene.io.takeRtp()
    if (name === 'without') assert.deepEqual(again, lost)
    else {
      assert.deepEqual(
        again.map(({ timestamp, payload }) => [timestamp, payload]),
        lost.map(({ timestamp, extSeq, payload }) => [timestamp, rtxPayload(extSeq & 0xffff, payload)]),
      )
    }
  })
}

test('a packet of the old encoding that comes after the change is only sent to who asks for its number', () => {
  const { s, peer } = onLarge()
  peer.feeds[0]!.subscription.setTarget({ spatial: 0, temporal: 0 }, s.scene.nowMs)
  const missing = s.seqs[F]!++
  s.run(2)
  s.run(2, Q)
  const sent = s.scene.io.takeRtp()
  s.scene.rtp(s.publisher, { pt: 96, seq: missing, timestamp: 0, ssrc: F, payload: vp8Rest(7, 7, 7) })
  assert.equal(s.scene.io.takeRtp().length, 0)
  nack(s.scene, peer, 20, sent[0]!.extSeq - 1)
  const [again] = s.scene.io.takeRtp()
  assert.deepEqual(again!.payload.subarray(2), vp8Rest(7, 7, 7))
})

test('an encoding that falls silent: the others take over at once with a PLI, and it comes back when it sends again', () => {
  const { s } = onLarge()
  s.off.add(F)
  s.run(45)
  assert.deepEqual(s.plis().slice(0, 1), [Q], 'within 750 ms')
  s.run(5, Q)
  const down = s.scene.io.takeRtp()
  assert.equal(down.length, 5)
  s.off.delete(F)
  s.run(15)
  assert.deepEqual(s.plis(), [F])
  s.run(5, F)
  const up = s.scene.io.takeRtp()
  assert.ok(isLarge(up.at(-1)!))
  gapless([...down, ...up])
})

test('who has nothing yet takes a smaller picture until the keyframe of the best comes', () => {
  const { s } = onLarge()
  s.scene.subscriber(s.publisher, [sendVideo(30)])
  s.run(3)
  s.run(3, Q)
  s.run(3, F)
  const sent = s.scene.io.takeRtp().filter(({ ssrc }) => ssrc === 30)
  assert.deepEqual(sent.map(isLarge), [false, false, false, false, true, true, true])
  gapless(sent)
})

test('who waits for an encoding that never sends gets the only one that does', () => {
  const s = new Simulcast()
  // A browser may begin with padding on the RTX of an encoding that it then has no pixels for.
  const extensions = { 4: '1', 11: 'q' }
  s.scene.rtp(s.publisher, { ...{ pt: 97, seq: 1, timestamp: 0, ssrc: 0x78, extensions }, padding: 50 })
  s.scene.subscriber(s.publisher, [sendVideo(20)])
  s.off.add(Q)
  s.run(1)
  assert.deepEqual(s.plis(), [F])
  s.run(5, F)
  assert.equal(s.scene.io.takeRtp().filter(isLarge).length, 5)
})

test('a paused subscription gets nothing, asks for nothing, and begins again at a keyframe', () => {
  const { s, peer } = onLarge()
  const { subscription } = peer.feeds[0]!
  subscription.prefer({ paused: true }, s.scene.nowMs)
  s.run(5, F, Q)
  assert.deepEqual(s.scene.io.takeRtp(), [])
  assert.deepEqual(s.plis(), [])
  const bytes = new Uint8Array(12)
  s.scene.rtcp(peer, bytes.subarray(0, writePli(bytes, 0, 1, 20)))
  s.run(5)
  assert.deepEqual(s.plis(), [])
  subscription.setTarget(null, s.scene.nowMs)
  subscription.prefer({}, s.scene.nowMs)
  s.run(5, F, Q)
  assert.deepEqual(s.scene.io.takeRtp(), [], 'both hold')
  subscription.setTarget({ spatial: 1, temporal: 0 }, s.scene.nowMs)
  s.run(5)
  assert.deepEqual(s.plis(), [F])
  s.run(5, F)
  assert.equal(s.scene.io.takeRtp().length, 5)
})

test('what a peer prefers holds for its m-lines by mid, else by kind, and for those to come', () => {
  const { s, peer } = onLarge()
  peer.prefer({ mids: [{ mid: 'v', preference: { maxSpatial: 0 } }], video: { paused: true } }, s.scene.nowMs)
  s.run(5, Q)
  assert.deepEqual(s.scene.io.takeRtp().map(isLarge), [false, false, false, false, false])
  const late = s.scene.peer()
  late.prefer({ mids: [], video: { maxSpatial: 0 } }, s.scene.nowMs)
  late.setSendStreams([sendVideo(30)], s.scene.nowMs)
  late.follow(s.publisher, s.scene.nowMs)
  s.run(5, Q, F)
  late.prefer({ mids: [] }, s.scene.nowMs)
  s.run(5, F)
  assert.deepEqual(
    s.scene.io
      .takeRtp()
      .filter(({ ssrc }) => ssrc === 30)
      .map(isLarge),
    [5, 1, 5].flatMap((count, i) => new Array<boolean>(count).fill(i === 2)),
  )
})

test('RTX of an encoding is learnt by repaired-rid, and repairs nothing else', () => {
  const { s } = onLarge()
  const missing = s.seqs[F]!++
  s.run(2)
  const rtx = (rid: string, ssrc: number, osn: number) =>
    s.scene.rtp(s.publisher, {
      ...{ pt: 97, seq: 1, timestamp: 0, ssrc, extensions: { 4: '1', ...(rid && { 11: rid }) } },
      payload: rtxPayload(osn, vp8Rest(9)),
    })
  s.scene.io.takeRtp()
  rtx('', 0x77, missing)
  rtx('x', 0x77, missing)
  assert.equal(s.scene.router.totals.drop_unknown_stream, 2)
  rtx('q', 0x78, s.seqs[Q]! - 1)
  assert.equal(s.scene.router.totals.drop_duplicate, 1, 'of the other encoding')
  assert.equal(s.scene.io.takeRtp().length, 0)
  rtx('f', 0x77, missing)
  assert.deepEqual(s.scene.io.takeRtp()[0]!.payload, vp8Rest(9))
})

test('the same rid under another SSRC is the same encoding going on', () => {
  const { s } = onLarge()
  s.run(2)
  const other = { ssrc: 0x2ff1, seq: 9000, timestamp: 5 }
  s.send(F, true, other)
  s.send(F, false, { ...other, seq: 9001 })
  s.send(F, false)
  const sent = s.scene.io.takeRtp()
  assert.equal(sent.length, 4)
  gapless(sent)
  assert.equal(s.scene.router.totals.drop_inactive_ssrc, 1, 'the one before has been replaced')
  assert.equal(s.publisher.info(s.scene.nowMs).inbound[0]!.encodings.length, 2)
})

test('SSRCs of a SIM group without rid are encodings, with RTX by FID group', () => {
  const s = new Simulcast([
    { ssrc: Q, rtxSsrc: Q + 1 },
    { ssrc: F, rtxSsrc: F + 1 },
  ])
  s.scene.subscriber(s.publisher, [sendVideo(20)])
  const bare = { extensions: { 4: '1' } }
  for (let i = 0; i < 40; i++) {
    s.send(Q, i === 0, bare)
    s.send(F, i === 0 || i === 38, bare)
    s.ticks++
    s.scene.advance(20)
  }
  assert.deepEqual(
    s.publisher
      .info(s.scene.nowMs)
      .inbound[0]!.encodings.map(({ rid, ssrc, subscriptions }) => [rid, ssrc, subscriptions]),
    [
      ['#0', Q, 0],
      ['#1', F, 1],
    ],
  )
  const missing = s.seqs[F]!++
  s.send(F, false, bare)
  s.scene.io.takeRtp()
  s.scene.rtp(s.publisher, { pt: 97, seq: 1, ssrc: F + 1, payload: rtxPayload(missing, vp8Rest(3)) })
  assert.deepEqual(s.scene.io.takeRtp()[0]!.payload, vp8Rest(3))
})

test('an SSRC without rid beside encodings that have one is nobody, until they are silent', () => {
  const { s } = onLarge()
  const bare = { ssrc: 0x999, extensions: { 4: '1' } }
  s.send(F, true, bare)
  assert.equal(s.scene.router.totals.drop_unknown_stream, 1)
  s.scene.io.takeRtp()
  s.scene.advance(1100)
  s.send(F, true, bare)
  assert.equal(s.scene.io.takeRtp().length, 1)
})

test('encodings are bounded', () => {
  const s = new Simulcast()
  s.scene.subscriber(s.publisher, [sendVideo(20)])
  for (let i = 0; i < 20; i++) s.send(F, true, { ssrc: 5000 + i, extensions: { 4: '1', 10: `r${i}` } })
  assert.equal(s.publisher.info(s.scene.nowMs).inbound[0]!.encodings.length, 8)
  assert.equal(s.scene.router.totals.drop_unknown_stream, 12)
})

test('each encoding is reported on, and asked for what its subscribers lack', () => {
  const { s } = onLarge()
  s.seqs[F]!++
  s.seqs[Q]!++
  s.run(50)
  const said = s.scene.said()
  const blocks = said.filter(({ rembBps }) => rembBps.length > 0).at(-1)!.blocks
  assert.deepEqual(
    blocks.map(({ ssrc, cumulativeLost }) => [ssrc, cumulativeLost]),
    [
      [Q, 1],
      [F, 1],
    ],
  )
  const asked = new Set(said.flatMap(({ nacks }) => nacks.map(({ ssrc }) => ssrc)))
  assert.deepEqual([...asked], [F], 'nobody gets the small one')
})
