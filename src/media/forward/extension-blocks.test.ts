import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExtensionIds } from '../control.js'
import { newRtpView, readRtp } from '../rtp/packet.js'
import { copiedIds, ExtensionProfile, profileKey } from './extension-blocks.js'
import { Outbox } from './outbox.js'
import { rtpPacket } from './testing/packets.js'
import { RecordingIo } from './testing/recording-io.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The block for a packet with these elements. */
function block(
  from: ExtensionIds,
  elements: Record<number, Uint8Array | string>,
  mid: string,
  to: ExtensionIds,
): string {
  const out = new Outbox(new RecordingIo(), assert.fail)
  const bytes = rtpPacket({ pt: 96, seq: 1, ssrc: 1, extensions: elements, payload: Uint8Array.of(1) })
  const view = newRtpView()
  assert.equal(readRtp(bytes, 0, bytes.length, view), 0)
  const profile = new ExtensionProfile(mid, to)
  out.begin(bytes, 0, bytes.length, view.headerLength)
  profile.write(out, bytes, view, copiedIds(from), 1000)
  return hex(out.scratch.subarray(profile.offset, profile.offset + profile.length))
}

const cases: [
  name: string,
  ExtensionIds,
  Record<number, Uint8Array | string>,
  string,
  ExtensionIds,
  expected: string,
][] = [
  ['nothing negotiated, nothing written', { mid: 1 }, { 1: 'a' }, 'b', {}, ''],
  //                                                                       BEDE words id 3, 1 byte 'b', padding
  [
    'mid is always written, as the subscriber knows it',
    { mid: 1 },
    { 1: 'a' },
    'b',
    { mid: 3 },
    'bede0001' + '30620000',
  ],
  [
    'ids are translated',
    { 'audio-level': 1 },
    { 1: Uint8Array.of(0x85) },
    '',
    { 'audio-level': 9 },
    'bede0001' + '90850000',
  ],
  ['what the publisher did not send is missing', { 'audio-level': 1 }, {}, '', { 'audio-level': 9 }, ''],
  ['what the subscriber did not take is left out', { 'audio-level': 1 }, { 1: Uint8Array.of(1) }, '', { mid: 3 }, ''],
  ['rid is for us only', { rid: 5 }, { 5: 'h' }, '', { rid: 5 }, ''],
  // 1 s in 6.18 fixed point is 0x040000.
  [
    'send time is ours',
    { 'abs-send-time': 2 },
    { 2: Uint8Array.of(9, 9, 9) },
    '',
    { 'abs-send-time': 2 },
    'bede0001' + '22040000',
  ],
  [
    'an element longer than it may be is left out',
    { 'audio-level': 1 },
    { 1: Uint8Array.of(1, 2, 3) },
    '',
    { 'audio-level': 1 },
    '',
  ],
  [
    'an id above 14 makes all two-byte',
    { 'audio-level': 1 },
    { 1: Uint8Array.of(0x85) },
    'v',
    { mid: 3, 'audio-level': 20 },
    `10000002${'030176' + '140185' + '0000'}`,
  ],
  [
    'capture time with the offset of clocks, under another id',
    { 'abs-capture-time': 7 },
    { 7: Uint8Array.from({ length: 16 }, (_, i) => i + 1) },
    '',
    { 'abs-capture-time': 12 },
    `bede0005${'cf0102030405060708090a0b0c0d0e0f10' + '000000'}`,
  ],
  [
    'playout delay, under another id',
    { 'playout-delay': 2 },
    { 2: Uint8Array.of(0x01, 0x42, 0x58) },
    '',
    { 'playout-delay': 9 },
    'bede0001' + '92014258',
  ],
  [
    'both, in two-byte form where an id asks for it',
    { 'abs-capture-time': 7, 'playout-delay': 2 },
    { 2: Uint8Array.of(0x01, 0x42, 0x58), 7: new Uint8Array(16).fill(0xab) },
    '',
    { 'abs-capture-time': 30, 'playout-delay': 9 },
    `100000061e10${'ab'.repeat(16)}090301425800`,
  ],
  ['ids that are none are not negotiated', { 'audio-level': 0 }, { 1: Uint8Array.of(1) }, 'v', { mid: 300 }, ''],
]

for (const [name, from, elements, mid, to, expected] of cases) {
  test(`extension block: ${name}`, () => assert.equal(block(from, elements, mid, to), expected))
}

test('extension block: one profile for the same mid and ids, whatever their order', () => {
  assert.equal(profileKey('0', { mid: 1, rid: 2 }), profileKey('0', { rid: 2, mid: 1 }))
  assert.notEqual(profileKey('0', { mid: 1 }), profileKey('1', { mid: 1 }))
  assert.notEqual(profileKey('0', { mid: 1 }), profileKey('0', { rid: 1 }))
})

test('extension block: written once per packet, and a numbered copy for each subscriber', () => {
  const out = new Outbox(new RecordingIo(), assert.fail)
  const profile = new ExtensionProfile('v', { mid: 3, 'transport-cc': 5 })
  const view = newRtpView()
  out.begin(new Uint8Array(12), 0, 12, 12)
  profile.write(out, new Uint8Array(0), view, copiedIds({}), 0)
  const { offset } = profile
  profile.write(out, new Uint8Array(0), view, copiedIds({}), 0)
  assert.equal(profile.offset, offset)
  assert.equal(profile.numbered, true)
  const first = profile.numberedCopy(out, 0x1234)
  const second = profile.numberedCopy(out, 0xffff)
  assert.equal(hex(out.scratch.subarray(first, first + profile.length)), `bede0002${'3076' + '511234' + '000000'}`)
  assert.equal(hex(out.scratch.subarray(second, second + profile.length)), `bede0002${'3076' + '51ffff' + '000000'}`)
})
