import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PayloadType } from '../media/control.js'
import { defaultPolicy } from './codecs.js'
import type { SlotTrack } from './jsep.js'
import { offerSubscriber } from './offer-subscriber.js'
import { readSubscriberAnswer } from './read-subscriber-answer.js'
import { appendSlot, subscriberSlots } from './slots.js'
import { describe, digest, given, local, recorded, section, seeded } from './testing/recorded.js'

const slots = subscriberSlots(seeded(1))
const [audioSlot, videoSlot] = [slots[0]!, slots[1]!]
const track = (over: Partial<SlotTrack> = {}): SlotTrack => ({
  active: true,
  streamId: 'rostra',
  trackId: 'rostra',
  sprop: '',
  ...over,
})
const offer = (over: Partial<Parameters<typeof offerSubscriber>[0]> = {}) =>
  offerSubscriber({
    slots,
    local,
    origin: { sessionId: '1795352829326119', sessionVersion: '3' },
    tracks: slots.map(({ mid }) => track({ trackId: `rostra-${mid}` })),
    cname: 'rostra',
    codecs: defaultPolicy,
    ...over,
  })
/** What is accepted, or the reason why not. */
const read = (sdp: string, ...rest: [Parameters<typeof readSubscriberAnswer>[3]?]) =>
  readSubscriberAnswer(describe(sdp), slots, defaultPolicy, ...rest)

/** The answer of a client that takes everything: our offer turned around. */
const mirrored = (sdp: string = offer()) =>
  sdp
    .replace('a=ice-lite\r\n', '')
    .replaceAll('a=sendonly', 'a=recvonly')
    .replaceAll('a=setup:actpass', 'a=setup:active')
    .replace(/a=(ssrc|ssrc-group|msid|candidate|end-of-candidates).*\r\n/g, '')

test('session level and transport of an offer', () => {
  const sdp = offer()
  const session = section(sdp, 0)
  for (const line of [
    'o=- 1795352829326119 3 IN IP4 192.0.2.1',
    'a=group:BUNDLE 0 1 2',
    'a=ice-lite',
    'a=extmap-allow-mixed',
    `a=fingerprint:sha-256 ${digest}`,
  ]) {
    assert.ok(session.includes(line), line)
  }
  for (const index of [1, 2, 3]) {
    const lines = section(sdp, index)
    for (const line of [
      'a=setup:actpass',
      'a=ice-ufrag:srvU',
      'a=candidate:1 1 udp 2015363327 192.0.2.1 40000 typ host',
      'a=end-of-candidates',
      `a=mid:${index - 1}`,
    ]) {
      assert.ok(lines.includes(line), line)
    }
  }
})

test('the audio m-line', () => {
  const lines = section(offer(), 1)
  assert.equal(lines[0], 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63')
  for (const line of [
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:63 red/48000/2',
    'a=fmtp:63 111/111',
    'a=sendonly',
    'a=rtcp-mux',
    'a=msid:rostra rostra-0',
    `a=ssrc:${audioSlot.ssrc} cname:rostra`,
    'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
    'a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  ]) {
    assert.ok(lines.includes(line), line)
  }
  assert.deepEqual(
    lines.filter((line) => /rtcp-fb|ssrc-group/.test(line)),
    ['a=rtcp-fb:111 transport-cc'],
  )
})

test('the video m-line', () => {
  const lines = section(offer(), 2)
  assert.equal(
    lines[0],
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 108 109 104 105 112 113 114 115 116 117 98 99 45 46',
  )
  for (const line of [
    'a=rtpmap:96 VP8/90000',
    'a=fmtp:97 apt=96',
    'a=rtpmap:102 H264/90000',
    'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'a=fmtp:103 apt=102',
    'a=fmtp:98 profile-id=0',
    'a=fmtp:45 level-idx=5;profile=0;tier=0',
    'a=sendonly',
    'a=msid:rostra rostra-1',
    `a=ssrc-group:FID ${videoSlot.ssrc} ${videoSlot.rtxSsrc}`,
    `a=ssrc:${videoSlot.ssrc} cname:rostra`,
    `a=ssrc:${videoSlot.rtxSsrc} cname:rostra`,
    ...[96, 102, 108, 104, 112, 114, 116, 98, 45].flatMap((pt) =>
      ['ccm fir', 'nack', 'nack pli', 'goog-remb', 'transport-cc'].map((feedback) => `a=rtcp-fb:${pt} ${feedback}`),
    ),
  ]) {
    assert.ok(lines.includes(line), line)
  }
})

test('payload type 107 is never used: naf-janus-adapter rewrites its lines', () => {
  assert.doesNotMatch(offer(), /\b107\b/)
})

test('in the whole bundle an extension id stands for one URI, and a URI has one id', () => {
  const pairs = [...offer().matchAll(/a=extmap:(\d+) (\S+)/g)].map(([, id, uri]) => `${id} ${uri}`)
  const distinct = [...new Set(pairs)]
  assert.equal(new Set(distinct.map((pair) => pair.split(' ')[0])).size, distinct.length)
  assert.equal(new Set(distinct.map((pair) => pair.split(' ')[1])).size, distinct.length)
  assert.equal(distinct.length, 8)
})

test('only the configured codecs are offered, in their order', () => {
  const sdp = offer({ codecs: { audio: ['opus'], video: ['AV1', 'VP8'] } })
  assert.deepEqual(sdp.match(/^m=.*(111|9\d|4\d).*$/gm), [
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'm=video 9 UDP/TLS/RTP/SAVPF 45 46 96 97',
  ])
})

test('a CNAME that SDP cannot carry is a mistake of the caller', () => {
  for (const cname of ['', 'a b', 'a\r\nb', 'x'.repeat(65)]) assert.throws(() => offer({ cname }), RangeError)
})

test('slots that are appended come after the data m-line, and nothing else moves', () => {
  const random = seeded(5)
  const more = appendSlot(appendSlot(slots, 'video', random), 'audio', random)
  const sdp = offer({ slots: more, tracks: more.map(({ mid }) => track({ trackId: `rostra-${mid}` })) })
  assert.deepEqual(sdp.match(/^m=\w+|^a=mid:\d/gm), [
    'm=audio',
    'a=mid:0',
    'm=video',
    'a=mid:1',
    'm=application',
    'a=mid:2',
    'm=video',
    'a=mid:3',
    'm=audio',
    'a=mid:4',
  ])
  assert.ok(sdp.startsWith(offer().slice(0, 40)))
  for (const index of [1, 2, 3]) assert.deepEqual(section(sdp, index), section(offer(), index))
})

test('an m-line without a track is inactive, and keeps its SSRCs', () => {
  const more = appendSlot(slots, 'video', seeded(5))
  const sdp = offer({ slots: more, tracks: more.map(({ mid }) => track({ active: mid !== '3' })) })
  const lines = section(sdp, 4)
  assert.ok(lines.includes('a=inactive'))
  assert.deepEqual(
    lines.filter((line) => /^a=(msid|ssrc)/.test(line)),
    section(offer({ slots: more, tracks: more.map(() => track()) }), 4).filter((line) => line.startsWith('a=ssrc')),
  )
  assert.ok(lines.includes('a=rtpmap:96 VP8/90000') && lines.includes('a=mid:3'))
})

test("the publisher's names of stream and track, and what it says of its sound, are passed on", () => {
  const names = { streamId: '{desk-1}', trackId: 'mic' }
  const sdp = offer({ tracks: slots.map(() => track({ ...names, sprop: 'sprop-stereo=1' })) })
  assert.ok(section(sdp, 1).includes('a=msid:{desk-1} mic'))
  assert.ok(section(sdp, 1).includes('a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;sprop-stereo=1'))
  assert.ok(section(sdp, 1).includes('a=fmtp:63 111/111'))
  assert.ok(section(sdp, 2).includes('a=msid:{desk-1} mic'))
  assert.doesNotMatch(section(sdp, 2).join('\n'), /sprop/)
})

test('an answer that takes everything', () => {
  const { dtls, streams } = given(read(mirrored()))
  assert.deepEqual(dtls, { role: 'server', fingerprint: { algorithm: 'sha-256', value: digest } })
  assert.deepEqual(streams, [
    {
      mid: '0',
      kind: 'audio',
      index: 0,
      ssrc: audioSlot.ssrc,
      rtxSsrc: 0,
      payloadTypes: [
        { codec: 'opus', pt: 111 },
        { codec: 'red', pt: 63 },
      ],
      extensions: { mid: 1, 'audio-level': 2, 'abs-capture-time': 3, 'abs-send-time': 7, 'transport-cc': 8 },
      active: true,
    },
    {
      mid: '1',
      kind: 'video',
      index: 0,
      ssrc: videoSlot.ssrc,
      rtxSsrc: videoSlot.rtxSsrc,
      payloadTypes: [
        { codec: 'VP8', pt: 96, rtxPt: 97 },
        { codec: 'H264', variant: 'constrained-baseline/1', pt: 102, rtxPt: 103 },
        { codec: 'H264', variant: 'baseline/1', pt: 108, rtxPt: 109 },
        { codec: 'H264', variant: 'constrained-baseline/0', pt: 104, rtxPt: 105 },
        { codec: 'H264', variant: 'baseline/0', pt: 112, rtxPt: 113 },
        { codec: 'H264', variant: 'constrained-high/1', pt: 114, rtxPt: 115 },
        { codec: 'H264', variant: 'high/1', pt: 116, rtxPt: 117 },
        { codec: 'VP9', pt: 98, rtxPt: 99 },
        { codec: 'AV1', pt: 45, rtxPt: 46 },
      ],
      extensions: {
        mid: 1,
        'abs-capture-time': 3,
        'video-orientation': 4,
        'playout-delay': 5,
        'dependency-descriptor': 6,
        'abs-send-time': 7,
        'transport-cc': 8,
      },
      active: true,
    },
  ])
})

test("Chromium's answer to an offer as above takes everything", () => {
  const { dtls, streams } = given(read(recorded('chromium-answer-to-rostra')))
  assert.equal(dtls.role, 'server')
  const takesAll = given(read(mirrored())).streams
  const otherH264 = ({ variant = 'constrained-baseline/1' }: PayloadType) => variant !== 'constrained-baseline/1'
  // It was recorded when there was one variant of H264, and neither transport-cc nor abs-send-time.
  const expected = takesAll.map(({ extensions, ...stream }) => ({
    ...stream,
    extensions: Object.fromEntries(Object.entries(extensions).filter(([, id]) => id < 7)),
    payloadTypes: stream.payloadTypes.filter((payloadType) => !otherH264(payloadType)),
  }))
  assert.deepEqual(streams, expected)
})

/** Recorded answers were given to offers with the mids a, v and d. */
const renamed = (name: string) =>
  recorded(name)
    .replace('BUNDLE a v d', 'BUNDLE 0 1 2')
    .replace('a=mid:a', 'a=mid:0')
    .replace('a=mid:v', 'a=mid:1')
    .replace('a=mid:d', 'a=mid:2')

for (const [name, audioPt, video] of [
  ['chrome-0043-A-client-answer', 100, { codec: 'H264', variant: 'constrained-baseline/1', pt: 100, rtxPt: 101 }],
  ['chrome-0068-B-client-answer', 111, { codec: 'H264', variant: 'constrained-baseline/1', pt: 100, rtxPt: 101 }],
  ['ndc-subscriber-answer', 111, { codec: 'H264', variant: 'constrained-baseline/1', pt: 102, rtxPt: 103 }],
] as const) {
  test(`reads ${name}`, () => {
    const { dtls, streams } = given(read(renamed(name)))
    assert.equal(dtls.role, 'server')
    assert.deepEqual(
      streams.map(({ payloadTypes, active }) => ({ payloadTypes, active })),
      [
        { payloadTypes: [{ codec: 'opus', pt: audioPt }], active: true },
        { payloadTypes: [video], active: true },
      ],
    )
  })
}

test('RTX counts only when the answer ties it to the codec', () => {
  const dropped = mirrored().replace('a=fmtp:97 apt=96\r\n', '')
  assert.deepEqual(given(read(dropped)).streams[1]!.payloadTypes[0], { codec: 'VP8', pt: 96 })
  const none = mirrored().replace(/(m=video .*SAVPF) .*/, '$1 96')
  const video = given(read(none)).streams[1]!
  assert.deepEqual([video.payloadTypes, video.rtxSsrc], [[{ codec: 'VP8', pt: 96 }], 0])
})

test('a payload type of ours with another codec on it is not used', () => {
  const swapped = mirrored()
    .replace('rtpmap:96 VP8', 'rtpmap:96 H265')
    .replaceAll(/profile-level-id=\w+/g, 'profile-level-id=4d001f')
  assert.deepEqual(
    given(read(swapped)).streams[1]!.payloadTypes.map(({ codec }) => codec),
    ['VP9', 'AV1'],
  )
})

test('extensions count with the id that was offered, and when the client receives them', () => {
  const answer = mirrored()
    .replace('a=extmap:2 urn', 'a=extmap:9 urn')
    .replaceAll('a=extmap:1 urn', 'a=extmap:1/recvonly urn')
    .replaceAll('a=extmap:3 http', 'a=extmap:3/sendonly http')
  assert.deepEqual(given(read(answer)).streams[0]!.extensions, {
    mid: 1,
    'abs-send-time': 7,
    'transport-cc': 8,
  })
})

test('transport-wide numbers only where the client tells of them, and where what is lost comes as RTX', () => {
  const numbered = (answer: string) =>
    given(read(answer)).streams.map(({ extensions }) => extensions['transport-cc'] !== undefined)
  assert.deepEqual(numbered(mirrored()), [true, true])
  assert.deepEqual(numbered(mirrored().replace(/a=rtcp-fb:\d+ transport-cc\r\n/g, '')), [false, false])
  assert.deepEqual(
    numbered(
      mirrored()
        .replace(/a=rtpmap:\d+ rtx.*\r\na=fmtp:\d+ apt.*\r\n/g, '')
        .replace(/a=rtpmap:\d+ rtx.*\r\n/g, ''),
    ),
    [true, false],
  )
})

test('declined and inactive m-lines are not sent to', () => {
  const declined = mirrored().replace('m=video 9', 'm=video 0')
  assert.deepEqual(
    given(read(declined)).streams.map(({ active }) => active),
    [true, false],
  )
  assert.deepEqual(given(read(declined)).streams[1]!.payloadTypes, [])
  const inactive = mirrored().replace('a=recvonly', 'a=inactive')
  assert.deepEqual(
    given(read(inactive)).streams.map(({ active }) => active),
    [false, true],
  )
  const noData = mirrored().replace('m=application 9', 'm=application 0')
  assert.deepEqual(given(read(noData)).streams, given(read(mirrored())).streams)
  const noCodec = mirrored().replace(/(m=video .*SAVPF) .*/, '$1 125')
  assert.equal(given(read(noCodec)).streams[1]!.active, false)
})

test('what naf-janus-adapter leaves of an offer in browsers without H264 can be read and answered', () => {
  const munged = offer().replace(/m=video[\s\S]*m=/, 'm=')
  assert.deepEqual(
    describe(munged.replace('a=ice-lite\r\n', '')).mlines.map(({ type, mid }) => ({ type, mid })),
    [
      { type: 'audio', mid: '0' },
      { type: 'application', mid: '2' },
    ],
  )
  const { streams } = given(read(mirrored(munged)))
  assert.deepEqual(
    streams.map(({ active }) => active),
    [true, false],
  )
})

const dataFirst = () => {
  const sections = mirrored().split(/\r\n(?=m=)/)
  return [sections[0], sections[3]!.trimEnd(), sections[1], sections[2], ''].join('\r\n')
}
for (const [what, answer, expected] of [
  [
    'no decision about DTLS',
    mirrored().replaceAll('setup:active', 'setup:actpass'),
    /setup:actpass; active or passive/,
  ],
  ['an unknown mid', mirrored().replace('a=mid:2', 'a=mid:7').replace('0 1 2', '0 1 7'), /mid that was not offered/],
  ['m-lines in another order', dataFirst(), /M-line 1 of the answer is not at its place/],
  ['another type', mirrored().replace('m=audio', 'm=video'), /M-line 0 of the answer is video, but audio was offered/],
] as const) {
  test(`refuses an answer with ${what}`, () => {
    const result = read(answer)
    assert.match(result.ok ? 'accepted' : result.reason, expected)
  })
}

test('DTLS roles: the answer decides, and the decision stays', () => {
  const passive = mirrored().replaceAll('setup:active', 'setup:passive')
  assert.equal(given(read(passive)).dtls.role, 'client')
  assert.equal(given(read(passive, 'client')).dtls.role, 'client')
  const turned = read(passive, 'server')
  assert.match(turned.ok ? 'accepted' : turned.reason, /turn the DTLS roles around/)
})
