import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RED } from './codec-table.js'
import { newPacket, type Packet } from './packet.js'
import { StateRows } from './state-rows.js'
import { type Downlink, newDecision, Subscription } from './subscription.js'
import { sendAudio, sendVideo } from './testing/scene.js'
import { Drop } from './totals.js'

const OPUS = 0
const VP8 = 2
const AV1 = 5
const FIRST = 100

const downlink = (): Downlink => ({
  transport: 1,
  cname: new Uint8Array(),
  rembBps: 0,
  nextTransportSeq: () => 0,
  holds: () => false,
  limited: false,
  refusesResend: () => false,
})

/** `random` gives FIRST to numbers and offset alike. */
const audio = (change = {}) =>
  started(new Subscription(sendAudio(10, change), downlink(), () => FIRST, new StateRows()))
const video = (change = {}) =>
  started(new Subscription(sendVideo(10, change), downlink(), () => FIRST, new StateRows()))

function started(subscription: Subscription): Subscription {
  subscription.start(1, subscription.kind === 'video' ? 90_000 : 48_000, 7, Number.NaN)
  return subscription
}

function packet(
  extSeq: number,
  codec: number,
  change: Partial<Packet> & { marker?: boolean; timestamp?: number } = {},
) {
  const made = { ...newPacket(), extSeq, codec, payloadLength: 100, nowMs: extSeq, ...change }
  made.view.marker = change.marker ?? false
  made.view.timestamp = change.timestamp ?? extSeq * 10
  return made
}

type Outcome = number | { extSeq: number; timestamp?: number; markerPt?: number; skip?: number }
type Row = [Packet, Outcome] | ((subscription: Subscription) => void)

const cases: Record<string, { of: () => Subscription; rows: Row[] }> = {
  'audio flows at once': {
    of: audio,
    rows: [
      [packet(70_000, OPUS), { extSeq: 100, timestamp: 700_100, markerPt: 109, skip: 0 }],
      [packet(70_001, OPUS, { marker: true }), { extSeq: 101, timestamp: 700_110, markerPt: 109 | 0x80 }],
    ],
  },
  'video waits for a keyframe': {
    of: video,
    rows: [
      [packet(70_000, VP8), Drop.awaitKeyframe],
      [packet(70_001, VP8, { keyframe: true }), { extSeq: 100, markerPt: 120 }],
      [packet(70_003, VP8), { extSeq: 102 }],
      [packet(70_002, VP8), { extSeq: 101 }],
      [packet(70_000, VP8), Drop.unmapped],
    ],
  },
  'a codec that was not accepted': {
    of: video,
    rows: [
      [packet(70_000, AV1, { keyframe: true }), Drop.codec],
      [packet(70_001, VP8, { keyframe: true }), { extSeq: 100 }],
      [packet(70_002, AV1, { keyframe: true }), Drop.codec],
      [packet(70_003, VP8), Drop.awaitKeyframe],
      [packet(70_004, VP8, { keyframe: true }), { extSeq: 101 }],
    ],
  },
  'audio of mixed codecs leaves out the strange one only': {
    of: () => audio({ payloadTypes: [{ codec: 'red', pt: 110 }] }),
    rows: [
      [packet(70_000, RED, { primarySkip: 7 }), { extSeq: 100, markerPt: 110, skip: 0 }],
      [packet(70_001, OPUS), Drop.codec],
      [packet(70_002, RED, { primarySkip: -1 }), { extSeq: 101, markerPt: 110, skip: 0 }],
    ],
  },
  'RED for who accepted Opus only': {
    of: () => audio({ payloadTypes: [{ codec: 'opus', pt: 109 }] }),
    rows: [
      [packet(70_000, RED, { primarySkip: 7 }), { extSeq: 100, markerPt: 109, skip: 7 }],
      [packet(70_001, RED, { primarySkip: -1 }), Drop.codec],
      [packet(70_002, RED, { primarySkip: 1 }), { extSeq: 101, markerPt: 109, skip: 1 }],
    ],
  },
  'padding only: left out in order, a filler out of order': {
    of: audio,
    rows: [
      [packet(70_000, OPUS, { payloadLength: 0 }), Drop.padding],
      [packet(70_001, OPUS), { extSeq: 100 }],
      [packet(70_002, OPUS, { payloadLength: 0 }), Drop.padding],
      [packet(70_004, OPUS), { extSeq: 102 }],
      [packet(70_003, OPUS, { payloadLength: 0 }), { extSeq: 101 }],
    ],
  },
  'another run: numbers and time go on, old packets do not come back': {
    of: audio,
    rows: [
      [packet(70_000, OPUS, { nowMs: 0, timestamp: 1000 }), { extSeq: 100, timestamp: 1100 }],
      (subscription) => subscription.start(2, 48_000, 7, Number.NaN),
      [packet(300_000, OPUS, { nowMs: 100, timestamp: 7 }), { extSeq: 101, timestamp: 1100 + 4800 }],
      [packet(70_001, OPUS), Drop.unmapped],
    ],
  },
  'the same run again: the offset stays': {
    of: audio,
    rows: [
      [packet(70_000, OPUS, { nowMs: 0, timestamp: 1000 }), { extSeq: 100, timestamp: 1100 }],
      (subscription) => subscription.start(1, 48_000, 7, Number.NaN),
      [packet(70_050, OPUS, { nowMs: 100, timestamp: 9000 }), { extSeq: 101, timestamp: 9100 }],
    ],
  },
  'new payload types take effect at once, for video at a keyframe': {
    of: video,
    rows: [
      [packet(70_000, VP8, { keyframe: true }), { extSeq: 100, markerPt: 120 }],
      (subscription) => subscription.configure(sendVideo(10, { payloadTypes: [{ codec: 'VP8', pt: 99 }] })),
      [packet(70_001, VP8), Drop.awaitKeyframe],
      [packet(70_002, VP8, { keyframe: true }), { extSeq: 101, markerPt: 99 }],
    ],
  },
  'the same terms again change nothing': {
    of: video,
    rows: [
      [packet(70_000, VP8, { keyframe: true }), { extSeq: 100 }],
      (subscription) => subscription.configure(sendVideo(10)),
      [packet(70_001, VP8), { extSeq: 101 }],
      (subscription) => assert.equal(subscription.map.reverse(100), 70_000),
    ],
  },
  'a skip ahead closes the gap': {
    of: video,
    rows: [
      [packet(70_000, VP8, { keyframe: true }), { extSeq: 100 }],
      (subscription) => subscription.skipAhead(),
      [packet(71_000, VP8), Drop.awaitKeyframe],
      [packet(71_001, VP8, { keyframe: true }), { extSeq: 101 }],
    ],
  },
}

for (const [name, { of, rows }] of Object.entries(cases)) {
  test(`subscription: ${name}`, () => {
    const subscription = of()
    const decision = newDecision()
    for (const [index, row] of rows.entries()) {
      if (typeof row === 'function') {
        row(subscription)
        continue
      }
      const [given, expected] = row
      const reason = subscription.decide(given, decision)
      if (typeof expected === 'number') assert.equal(reason, expected, `row ${index}`)
      else {
        assert.equal(reason, Drop.none, `row ${index}`)
        assert.deepEqual({ ...decision, ...expected }, decision, `row ${index}`)
      }
    }
  })
}
