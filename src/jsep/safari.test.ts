/**
 * Forms that Safari has of SDP. No Safari was at hand: these descriptions were assembled, after forms in public bug reports
 * (WebKit 203190, janus-gateway 1818, aiortc 178, livekit's client-sdk-js 1617) and from what libwebrtc and WebKit of those
 * versions are known to write. Safari 12 is Plan B, has no video codec but H264, the old form of the data m-line, and a bare
 * \n in front of the ICE credentials where there is nothing but data.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream, SendStream } from '../media/control.js'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import type { CodecPolicy } from './jsep.js'
import { readSubscriberAnswer } from './read-subscriber-answer.js'
import { subscriberSlots } from './slots.js'
import { describe, given, local, recorded, section, seeded } from './testing/recorded.js'

const offers = [
  'safari-12-data-only-offer',
  'safari-12-offer',
  'safari-12-camera-and-screen-offer',
  'safari-18-offer',
] as const

/** As naf-janus-adapter mends Safari's offer; it takes the character before the line end with it. */
const mended = (sdp: string) => sdp.replace(/[^\r]\na=ice-ufrag/g, '\r\na=ice-ufrag')
const bare = (sdp: string) => sdp.replaceAll('\r\n', '\n')

const answered = (sdp: string, policy: CodecPolicy = defaultPolicy) => answerPublisher(describe(sdp), local, policy)

/** What WebKit looks at before it takes an answer to its offer (RFC 3264 §6, RFC 9429 §5.11). */
function assertAcceptable(offer: string, answer: string): void {
  assert.match(answer, /^(?:[a-z]=[^\r\n]*\r\n)+$/, 'each line ends in \\r\\n, the last one too')
  const mlinesOf = (sdp: string) =>
    sdp
      .replaceAll('\r\n', '\n')
      .split(/\n(?=m=)/)
      .slice(1)
      .map((text) => text.split('\n'))
  const value = (lines: string[], name: string) => lines.find((line) => line.startsWith(name))?.slice(name.length)
  const [ours, theirs] = [mlinesOf(answer), mlinesOf(offer)]
  assert.equal(ours.length, theirs.length)
  for (const [index, lines] of ours.entries()) {
    const offered = theirs[index]!
    const [type, port, protocol, ...formats] = lines[0]!.split(' ')
    const [offeredType, , offeredProtocol, ...offeredFormats] = offered[0]!.split(' ')
    assert.deepEqual([type, protocol], [offeredType, offeredProtocol])
    assert.notEqual(port, '0', `${type} is taken`)
    assert.ok(formats.length > 0 && formats.every((format) => offeredFormats.includes(format)), lines[0])
    assert.equal(value(lines, 'a=mid:'), value(offered, 'a=mid:'))
    assert.equal(value(lines, 'a=setup:'), 'active')
    for (const name of ['a=ice-ufrag:', 'a=ice-pwd:', 'a=candidate:']) assert.ok(value(lines, name), name)
    // Each number has the codec, and H264 the parameters, that it has in the offer.
    for (const line of lines.filter((line) => line.startsWith('a=rtpmap:'))) assert.ok(offered.includes(line), line)
    for (const line of lines.filter((line) => line.includes('profile-level-id')))
      assert.ok(offered.includes(line), line)
    for (const line of lines.filter((line) => line.startsWith('a=extmap:'))) assert.ok(offered.includes(line), line)
    for (const line of lines.filter((line) => line.startsWith('a=rtcp-fb:'))) assert.ok(offered.includes(line), line)
    if (type === 'm=application') assert.equal(value(lines, 'a=sctp-port:'), value(offered, 'a=sctp-port:'))
    else assert.ok(lines.includes('a=rtcp-mux') && lines.includes('a=recvonly'))
  }
  assert.equal(value(answer.split('\r\n'), 'a=group:BUNDLE '), value(offer.split(/\r?\n/), 'a=group:BUNDLE '))
  assert.equal(answer.includes('a=extmap-allow-mixed'), offer.includes('a=extmap-allow-mixed'))
}

for (const name of offers)
  test(`${name} is answered as WebKit takes it, whatever ends its lines`, () => {
    const offer = recorded(name)
    const answer = answered(offer).sdp
    assertAcceptable(offer, answer)
    assert.equal(answered(bare(offer)).sdp, answer, 'bare \\n everywhere')
    assert.equal(answered(mended(offer)).sdp, answer, 'as naf-janus-adapter sends it')
  })

test('data alone: one line of it ends in a bare \\n, and its credentials are read', () => {
  const offer = recorded('safari-12-data-only-offer')
  assert.equal(offer.match(/[^\r]\n/g)?.length, 1)
  assert.match(mended(offer), /b=AS:3\r\na=ice-ufrag/)
  for (const sdp of [offer, mended(offer), bare(offer)])
    assert.deepEqual(describe(sdp).ice, { ufrag: 'mJ7x', pwd: 'w2EoWcVb8TnXh0aRkYq5LsGd' })
  const { sdp, streams, data } = answered(offer)
  assert.deepEqual({ streams, data }, { streams: [], data: true })
  assert.equal(section(sdp, 1)[0], 'm=application 9 DTLS/SCTP 5000')
  assert.ok(section(sdp, 1).includes('a=sctpmap:5000 webrtc-datachannel 16'))
})

const sent = ({ kind, index, payloadTypes, ssrcs }: ReceiveStream) => ({ kind, index, payloadTypes, ssrcs })

test('Safari 12: opus and H264 of the profile that everybody has, ids of stream and tracks out of the SSRC lines', () => {
  const { streams, tracks, data } = answered(recorded('safari-12-offer'))
  assert.deepEqual(streams.map(sent), [
    { kind: 'audio', index: 0, payloadTypes: [{ codec: 'opus', pt: 111 }], ssrcs: [{ ssrc: 205815247 }] },
    {
      kind: 'video',
      index: 0,
      payloadTypes: [{ codec: 'H264', variant: 'constrained-baseline/1', pt: 98, rtxPt: 99 }],
      ssrcs: [{ ssrc: 1557912193, rtxSsrc: 2290466731 }],
    },
  ])
  assert.deepEqual(streams[1]!.extensions, {
    'abs-send-time': 3,
    'video-orientation': 4,
    'transport-cc': 5,
    'playout-delay': 6,
  })
  assert.equal(data, true)
  const [microphone, camera] = tracks.map(({ msid }) => msid)
  assert.equal(microphone!.stream, camera!.stream)
  assert.deepEqual(camera, {
    stream: '5e0c8a1d-93f4-4b67-8d2e-71a6f0b3c594',
    track: 'c1d7e8b4-26b5-4a77-8c1f-5e90b7a2d318',
  })
})

test('feedback and extensions that an offer does not have are not in the answer', () => {
  const plain = recorded('safari-12-offer').replace(/^a=(?:rtcp-fb|extmap):.*\r\n/gm, '')
  const { sdp, streams } = answered(plain)
  assertAcceptable(plain, sdp)
  assert.deepEqual(
    streams.map(({ nack, extensions }) => ({ nack, extensions })),
    [
      { nack: false, extensions: {} },
      { nack: false, extensions: {} },
    ],
  )
})

test('Plan B with two tracks on one m-line: the first one names it, and it is no simulcast that the answer speaks of', () => {
  const { sdp, streams, tracks } = answered(recorded('safari-12-camera-and-screen-offer'))
  assert.deepEqual(
    streams.map(({ kind, encodings }) => [kind, encodings]),
    [
      ['audio', undefined],
      ['video', undefined],
    ],
  )
  assert.equal(tracks[1]!.msid.track, 'c1d7e8b4-26b5-4a77-8c1f-5e90b7a2d318')
  assert.doesNotMatch(sdp, /rid|simulcast/)
})

test('Safari 18: VP8 by default, H264 when that is ranked first; H265, RED for video and 107 are no matter', () => {
  const video = (policy: CodecPolicy) => answered(recorded('safari-18-offer'), policy).streams[1]!.payloadTypes
  assert.deepEqual(video(defaultPolicy), [{ codec: 'VP8', pt: 106, rtxPt: 107 }])
  const h264 = { ...defaultPolicy, video: ['H264', 'VP8'] } satisfies CodecPolicy
  assert.deepEqual(video(h264), [{ codec: 'H264', variant: 'constrained-baseline/1', pt: 98, rtxPt: 99 }])
  assertAcceptable(recorded('safari-18-offer'), answered(recorded('safari-18-offer'), h264).sdp)
  const [audio] = answered(recorded('safari-18-offer')).streams
  assert.deepEqual(
    audio!.payloadTypes.map(({ codec }) => codec),
    ['opus', 'red'],
  )
})

const slots = subscriberSlots(seeded(1))
const viewer = (name: string) => given(readSubscriberAnswer(describe(recorded(name)), slots, defaultPolicy))

test('answers of Safari to an offer of ours: H264 alone, or what it has by now', () => {
  const decodes = (name: string) => viewer(name).streams[1]!.payloadTypes.map(({ codec, variant }) => variant ?? codec)
  assert.deepEqual(decodes('safari-12-answer'), ['constrained-baseline/1', 'constrained-high/1'])
  assert.deepEqual(decodes('safari-18-answer'), [
    'VP8',
    'constrained-baseline/1',
    'constrained-baseline/0',
    'constrained-high/1',
    'VP9',
  ])
  for (const name of ['safari-12-answer', 'safari-18-answer']) {
    const { dtls, streams } = viewer(name)
    assert.equal(dtls.role, 'server')
    assert.deepEqual(
      streams.map(({ active, rtxSsrc }) => [active, rtxSsrc !== 0]),
      [
        [true, false],
        [true, true],
      ],
    )
    assert.equal(streams[1]!.extensions['transport-cc'], 8)
    assert.equal(readSubscriberAnswer(describe(bare(recorded(name))), slots, defaultPolicy).ok, true, 'bare \\n')
  }
  assert.equal(viewer('safari-12-answer').streams[0]!.extensions.mid, undefined, 'told apart by SSRC')
})

/** Whether a viewer can be sent what a publisher sends. */
const fits = (publisher: ReceiveStream, viewer: SendStream) =>
  viewer.payloadTypes.some(
    ({ codec, variant }) =>
      codec === publisher.payloadTypes[0]!.codec && variant === publisher.payloadTypes[0]!.variant,
  )

const camera = (name: string, policy: CodecPolicy = defaultPolicy) =>
  answered(recorded(name), policy).streams.find(({ kind }) => kind === 'video')!

test('who sends H264 alone is seen by everybody who decodes it, and sees who sends it', () => {
  const h264First = { ...defaultPolicy, video: ['H264', 'VP8', 'VP9', 'AV1'] } satisfies CodecPolicy
  const viewers = ['safari-12-answer', 'safari-18-answer', 'chromium-answer-to-rostra'].map(
    (name) => [name, viewer(name).streams[1]!] as const,
  )
  for (const [name, stream] of viewers) assert.ok(fits(camera('safari-12-offer'), stream), `Safari 12 to ${name}`)
  const safari12 = viewer('safari-12-answer').streams[1]!
  for (const publisher of ['chrome-0072-A-client-offer', 'safari-18-offer', 'codec-vp8-and-h264-offer']) {
    assert.equal(fits(camera(publisher), safari12), false, `VP8 is what ${publisher} sends by default`)
    assert.ok(fits(camera(publisher, h264First), safari12), `${publisher} with H264 ranked first`)
  }
  // No H264 at all: nothing is sent to Safari 12, whatever the ranking.
  assert.equal(fits(camera('firefox-simulcast-and-screen-offer', h264First), safari12), false)
})
