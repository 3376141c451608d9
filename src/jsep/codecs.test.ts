import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePublisherCodec, defaultPolicy, matchCodec, matchSubscriberCodecs } from './codecs.js'
import { extensionName, extensionNames, extensions } from './extensions.js'
import { formats } from './formats.js'
import { h264Profile } from './h264-profile.js'
import type { RemotePayloadType } from './jsep.js'

test('payload types of our offers: distinct, outside of what RTCP uses, and not 107', () => {
  const pts = formats.flatMap(({ pt, rtxPt }) => (rtxPt === undefined ? [pt] : [pt, rtxPt]))
  assert.equal(new Set(pts).size, pts.length)
  for (const pt of pts) assert.ok((pt >= 35 && pt <= 63) || (pt >= 96 && pt <= 127 && pt !== 107), String(pt))
})

// Profiles as RFC 6184 tables 5 and 6 list them; the level byte makes no difference.
for (const [text, expected] of [
  ['42e01f', 'constrained-baseline'],
  ['42E034', 'constrained-baseline'],
  ['42c00a', 'constrained-baseline'],
  ['42400b', 'constrained-baseline'],
  ['4d801f', 'constrained-baseline'],
  ['58c01f', 'constrained-baseline'],
  ['42001f', 'baseline'],
  ['42801f', 'baseline'],
  ['58801f', 'baseline'],
  [undefined, 'baseline'],
  ['42e11f', 'other'],
  ['4d001f', 'other'],
  ['58001f', 'other'],
  ['640c1f', 'constrained-high'],
  ['640C2A', 'constrained-high'],
  ['64001f', 'high'],
  ['64081f', 'other'],
  ['6e001f', 'other'],
  ['42e01', undefined],
  ['42e01f0', undefined],
  ['', undefined],
  ['xxe01f', undefined],
] as const) {
  test(`profile-level-id ${text} is ${expected}`, () => assert.equal(h264Profile(text), expected))
}

const h264 = (pt: number, profile?: string, mode?: string): RemotePayloadType => ({
  pt,
  name: 'H264',
  clockRate: 90000,
  channels: 1,
  parameters: {
    ...(profile === undefined ? {} : { 'profile-level-id': profile }),
    ...(mode === undefined ? {} : { 'packetization-mode': mode }),
  },
  feedback: [],
})

for (const [what, offered, expected] of [
  ['constrained baseline before baseline', [h264(1, '42001f', '1'), h264(2, '42e01f', '1')], 2],
  ['packetization mode 1 before the profile', [h264(1, '42e01f', '0'), h264(2, '42001f', '1')], 2],
  ['any level', [h264(1, '64001f', '1'), h264(2, '42e033', '1')], 2],
  ['the first of equals', [h264(1, '42e01f', '1'), h264(2, '42e01f', '1')], 1],
  ['mode 0 when there is nothing else', [h264(1, '42e01f')], 1],
  ['baseline before High', [h264(1, '640c1f', '1'), h264(2, '42001f', '0')], 2],
  ['Constrained High before High', [h264(1, '64001f', '1'), h264(2, '640c1f', '1')], 2],
  ['High when there is nothing else', [h264(1, '64001f', '1')], 1],
  ['no Main profile, and High only in mode 1', [h264(1, '4d001f', '1'), h264(2, '64001f', '0')], undefined],
  ['no interleaved mode', [h264(1, '42e01f', '2')], undefined],
  ['no payload type that looks like RTCP', [h264(72, '42e01f', '1')], undefined],
] as const) {
  test(`H264: ${what}`, () => assert.equal(matchCodec('H264', offered)?.payload.pt, expected))
}

const payload = (over: Partial<RemotePayloadType>): RemotePayloadType => ({
  pt: 96,
  name: 'VP8',
  clockRate: 90000,
  channels: 1,
  parameters: {},
  feedback: [],
  ...over,
})

for (const [what, codec, offered, fits] of [
  ['names in any case', 'VP8', payload({ name: 'vp8' }), true],
  ['another clock rate', 'VP8', payload({ clockRate: 8000 }), false],
  ['opus with one channel', 'opus', payload({ name: 'opus', clockRate: 48000 }), false],
  ['opus', 'opus', payload({ name: 'opus', clockRate: 48000, channels: 2 }), true],
  ['VP9 profile 0', 'VP9', payload({ name: 'VP9', parameters: { 'profile-id': '0' } }), true],
  ['VP9 without a profile', 'VP9', payload({ name: 'VP9' }), true],
  ['VP9 profile 2', 'VP9', payload({ name: 'VP9', parameters: { 'profile-id': '2' } }), false],
  ['AV1 profile 1', 'AV1', payload({ name: 'AV1', parameters: { profile: '1' } }), false],
  ['AV1 main profile', 'AV1', payload({ name: 'AV1', parameters: { profile: '0', tier: '0' } }), true],
] as const) {
  test(`${what} ${fits ? 'fits' : 'does not fit'}`, () =>
    assert.equal(matchCodec(codec, [offered]) !== undefined, fits))
}

// RFC 9628 §6: each payload type has a profile of its own, which is 0 where none is given.
for (const [what, profiles, expected] of [
  ['0 before 2', ['0', '2'], 100],
  ['2 before 0', ['2', '0'], 101],
  ['2 before none', ['2', undefined], 101],
  ['1, 2 and 3 before 0', ['1', '2', '3', '0'], 103],
  ['2 alone', ['2'], undefined],
] as const) {
  const offered = profiles.flatMap((profile, i) => [
    payload({ pt: 100 + i, name: 'VP9', parameters: profile === undefined ? {} : { 'profile-id': profile } }),
    payload({ pt: 110 + i, name: 'rtx', parameters: { apt: String(100 + i) } }),
  ])
  test(`VP9 profiles ${what}: profile 0 and its RTX are taken, and no other`, () => {
    const wanted = expected === undefined ? [] : [[expected, expected + 10]]
    for (const choose of [choosePublisherCodec, matchSubscriberCodecs])
      assert.deepEqual(
        choose('video', offered, defaultPolicy).map(({ payload, rtx }) => [payload.pt, rtx?.pt]),
        wanted,
      )
  })
}

// RFC 5761 §4: 64 to 95 cannot be told from RTCP under rtcp-mux, and that is the only way here.
for (const [pt, isTaken] of [
  [63, true],
  [64, false],
  [95, false],
  [96, true],
] as const) {
  test(`payload type ${pt} is ${isTaken ? 'taken' : 'refused'}, of a codec and of its RTX`, () => {
    assert.equal(matchCodec('VP8', [payload({ pt })])?.payload.pt, isTaken ? pt : undefined)
    assert.equal(choosePublisherCodec('video', [payload({ pt })], defaultPolicy).length, isTaken ? 1 : 0)
    assert.equal(matchSubscriberCodecs('video', [payload({ pt })], defaultPolicy).length, isTaken ? 1 : 0)
    const rtx = payload({ pt, name: 'rtx', parameters: { apt: '100' } })
    assert.equal(matchCodec('VP8', [payload({ pt: 100 }), rtx])?.rtx?.pt, isTaken ? pt : undefined)
  })
}

test('H264 of a subscriber: each variant by itself, whatever its level, with the number and RTX of its own', () => {
  const rtx: RemotePayloadType = { ...h264(97), name: 'rtx', parameters: { apt: '96' } }
  const answered = [h264(96, '64002a', '1'), rtx, h264(98, '42e01f', '0'), h264(100, '4d001f', '1')]
  assert.deepEqual(
    matchSubscriberCodecs('video', answered, defaultPolicy).map(({ variant, payload, rtx }) => [
      variant,
      payload.pt,
      rtx?.pt,
    ]),
    [
      ['constrained-baseline/0', 98, undefined],
      ['high/1', 96, 97],
    ],
  )
})

test('RTX belongs to the payload type that its apt names', () => {
  const rtx = (pt: number, apt: string) => payload({ pt, name: 'rtx', parameters: { apt } })
  assert.equal(matchCodec('VP8', [payload({}), rtx(97, '98'), rtx(99, '96')])?.rtx?.pt, 99)
  assert.equal(matchCodec('VP8', [payload({}), rtx(80, '96')])?.rtx, undefined)
})

test('a codec of the other kind in the configuration is passed over', () => {
  const policy = { audio: ['VP8', 'opus'], video: ['opus', 'VP8'] } as const
  assert.deepEqual(choosePublisherCodec('audio', [payload({})], policy), [])
  assert.equal(choosePublisherCodec('video', [payload({})], policy)[0]?.codec, 'VP8')
})

test('by default opus, then VP8, H264, VP9, AV1', () => {
  assert.deepEqual(defaultPolicy, { audio: ['opus', 'red'], video: ['VP8', 'H264', 'VP9', 'AV1'] })
})

test('extensions: one name per URI, one id per offered extension', () => {
  assert.equal(new Set(extensionNames.map((name) => extensions[name].uri)).size, extensionNames.length)
  const ids = extensionNames.flatMap((name) => extensions[name].offeredId ?? [])
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.ok(id >= 1 && id <= 14)
  for (const name of extensionNames) assert.equal(extensionName(extensions[name].uri), name)
  assert.equal(extensionName('urn:ietf:params:rtp-hdrext:toffset'), undefined)
})
