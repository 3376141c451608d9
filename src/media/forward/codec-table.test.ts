import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { H264Variant, PayloadType } from '../control.js'
import { CODECS, codecOf, receiveTypes, sendTypes } from './codec-table.js'

const h264 = (variant: H264Variant, pt: number): PayloadType => ({ codec: 'H264', variant, pt, rtxPt: pt + 1 })

/** The payload type that a subscriber gets a publisher's stream with, and that of its RTX; −1 = it is not sent. */
function sent(publisher: PayloadType, subscriber: PayloadType[]): [pt: number, rtxPt: number] {
  const number = receiveTypes([publisher]).codec[publisher.pt]!
  const types = sendTypes(subscriber)
  return [types.pt[number]!, types.rtxPt[number]!]
}

// Profile and packetization mode of the publisher, what the subscriber accepted, what it gets.
for (const [published, accepted, expected] of [
  ['constrained-baseline/1', ['high/1', 'constrained-baseline/1'], 'constrained-baseline/1'],
  ['constrained-baseline/1', ['high/1', 'baseline/1'], 'baseline/1'],
  ['constrained-baseline/1', ['high/1'], 'high/1'],
  ['constrained-baseline/1', ['constrained-baseline/0'], undefined],
  ['constrained-baseline/0', ['constrained-baseline/1'], 'constrained-baseline/1'],
  ['constrained-baseline/0', ['constrained-baseline/1', 'constrained-baseline/0'], 'constrained-baseline/0'],
  ['baseline/1', ['constrained-baseline/1', 'high/1'], undefined],
  ['baseline/0', ['constrained-baseline/0', 'baseline/1'], 'baseline/1'],
  ['constrained-high/1', ['constrained-baseline/1', 'high/1'], 'high/1'],
  ['high/1', ['constrained-baseline/1', 'baseline/1', 'constrained-high/1'], undefined],
  ['high/1', ['high/1'], 'high/1'],
] as const) {
  test(`H264 ${published} for a subscriber with ${accepted.join(' and ')}: ${expected ?? 'nothing'}`, () => {
    const payloadTypes = accepted.map((variant, index) => h264(variant, 100 + 2 * index))
    const pt = payloadTypes.find(({ variant }) => variant === expected)?.pt
    assert.deepEqual(sent(h264(published, 96), payloadTypes), pt === undefined ? [-1, -1] : [pt, pt + 1])
  })
}

test('H264 without a variant is constrained-baseline/1', () => {
  assert.deepEqual(sent({ codec: 'H264', pt: 96 }, [h264('constrained-baseline/1', 102)]), [102, 103])
  assert.deepEqual(sent(h264('constrained-baseline/1', 96), [{ codec: 'H264', pt: 102 }]), [102, -1])
})

test('codecs do not stand for each other, and each number has its functions', () => {
  for (const codec of ['opus', 'red', 'VP8', 'VP9', 'AV1'] as const) {
    assert.deepEqual(sent({ codec, pt: 50 }, [{ codec, pt: 60 }]), [60, -1])
    assert.deepEqual(sent({ codec, pt: 50 }, [h264('high/1', 102), h264('constrained-baseline/1', 104)]), [-1, -1])
  }
  assert.equal(codecOf.length, CODECS)
  for (const { kind, isKeyframe } of codecOf) assert.deepEqual([typeof kind, typeof isKeyframe], ['string', 'function'])
})
