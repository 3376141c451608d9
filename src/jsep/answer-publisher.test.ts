import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import type { CodecPolicy } from './jsep.js'
import {
  dataLines,
  describe,
  local,
  offerOf,
  opusLines,
  recorded,
  recordings,
  section,
  vp8Lines,
} from './testing/recorded.js'

const answer = (sdp: string, policy: CodecPolicy = defaultPolicy) => answerPublisher(describe(sdp), local, policy)

const candidates = [
  'a=candidate:1 1 udp 2015363327 192.0.2.1 40000 typ host',
  'a=candidate:2 1 tcp 15363327 192.0.2.1 40000 typ host tcptype passive',
  'a=end-of-candidates',
]
const ice = ['a=ice-ufrag:srvU', 'a=ice-pwd:serverPasswordOf24chars+']
const has = (lines: readonly string[], ...wanted: string[]) => {
  for (const line of wanted) assert.ok(lines.includes(line), `${line} is missing in\n${lines.join('\n')}`)
}
const without = (lines: readonly string[], pattern: RegExp) =>
  assert.deepEqual(
    lines.filter((line) => pattern.test(line)),
    [],
  )

test("answers Chromium's offer of data only", () => {
  const { sdp, dtls, streams, data } = answer(recorded('chrome-0005-A-client-offer'))
  has(
    section(sdp, 0),
    'v=0',
    'o=- 3722457031253198980 2 IN IP4 192.0.2.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=ice-lite',
    'a=ice-options:trickle',
    'a=extmap-allow-mixed',
    `a=fingerprint:sha-256 ${local.fingerprint.value}`,
  )
  const application = section(sdp, 1)
  assert.equal(application[0], 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel')
  has(application, ...ice, ...candidates, 'a=mid:0', 'a=sctp-port:5000', 'a=max-message-size:262144', 'a=setup:active')
  assert.equal(section(sdp, 2).length, 0)
  assert.equal(dtls.role, 'client')
  assert.match(dtls.fingerprint.value, /^56:A1/)
  assert.deepEqual({ streams, data }, { streams: [], data: true })
})

test("answers Chromium's microphone and screen, added to a data-only connection", () => {
  const { sdp, streams, data } = answer(recorded('chrome-0072-A-client-offer'))
  has(section(sdp, 0), 'o=- 3722457031253198980 4 IN IP4 192.0.2.1', 'a=group:BUNDLE 0 1 2')
  const [audio, video] = [section(sdp, 2), section(sdp, 3)]
  assert.equal(audio[0], 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63')
  has(audio, 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:63 red/48000/2')
  has(audio, 'a=fmtp:63 111/111', 'a=recvonly', 'a=mid:1', 'a=rtcp-mux', 'a=setup:active', ...ice, ...candidates)
  without(audio, /msid|ssrc/)

  assert.equal(video[0], 'm=video 9 UDP/TLS/RTP/SAVPF 96 97')
  has(
    video,
    'a=rtpmap:96 VP8/90000',
    'a=rtpmap:97 rtx/90000',
    'a=fmtp:97 apt=96',
    'a=recvonly',
    'a=mid:2',
    'a=rtcp-mux',
  )
  has(
    video,
    'a=rtcp-fb:96 transport-cc',
    'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  )
  has(video, 'a=rtcp-fb:96 ccm fir', 'a=rtcp-fb:96 nack', 'a=rtcp-fb:96 nack pli', 'a=rtcp-fb:96 goog-remb')
  has(video, 'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid', 'a=extmap:13 urn:3gpp:video-orientation')
  without(video, /toffset|color-space|ssrc|H264|VP9|AV1/)

  assert.equal(data, true)
  assert.deepEqual(streams, [
    {
      mid: '1',
      kind: 'audio',
      index: 0,
      payloadTypes: [
        { codec: 'opus', pt: 111 },
        { codec: 'red', pt: 63 },
      ],
      clockRate: 48000,
      ssrcs: [{ ssrc: 817198897 }],
      extensions: {},
      nack: false,
      active: true,
    },
    {
      mid: '2',
      kind: 'video',
      index: 0,
      payloadTypes: [{ codec: 'VP8', pt: 96, rtxPt: 97 }],
      clockRate: 90000,
      ssrcs: [{ ssrc: 3975221849, rtxSsrc: 3445666862 }],
      extensions: {
        mid: 4,
        rid: 10,
        'repaired-rid': 11,
        'abs-send-time': 2,
        'transport-cc': 3,
        'video-orientation': 13,
        'playout-delay': 5,
      },
      nack: true,
      active: true,
    },
  ])
})

test('keeps the extension ids of the offer', () => {
  const { sdp, streams } = answer(recorded('chrome-0064-A-client-offer'))
  has(
    section(sdp, 2),
    'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  )
  assert.deepEqual(streams[0]!.extensions, { 'audio-level': 1, 'abs-send-time': 2, 'transport-cc': 3, mid: 4 })
  const twoByte = offerOf([...opusLines, 'a=extmap:200 urn:ietf:params:rtp-hdrext:ssrc-audio-level'])
  assert.deepEqual(answer(twoByte).streams[0]!.extensions, { 'audio-level': 200 })
  has(section(answer(twoByte).sdp, 1), 'a=extmap:200 urn:ietf:params:rtp-hdrext:ssrc-audio-level')
})

test('takes only extensions that the peer sends', () => {
  const playout = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay'
  const { streams } = answer(
    offerOf([...vp8Lines, `a=extmap:6/recvonly ${playout}`, 'a=extmap:4/sendonly urn:3gpp:video-orientation']),
  )
  assert.deepEqual(streams[0]!.extensions, { 'video-orientation': 4 })
})

test('answering twice gives the same, and offers are not changed', () => {
  for (const name of recordings.filter((recording) => recording.endsWith('offer'))) {
    const offer = describe(recorded(name))
    const before = structuredClone(offer)
    const first = answerPublisher(offer, local, defaultPolicy)
    assert.deepEqual(answerPublisher(offer, local, defaultPolicy), first, name)
    assert.deepEqual(structuredClone(offer), before, name)
  }
})

// What libdatachannel peers get: m-lines of the answer.
for (const [name, expected] of [
  ['codec-audioonly-offer', ['m=audio 9 UDP/TLS/RTP/SAVPF 111']],
  ['codec-dataonly-offer', ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel']],
  ['codec-h264-42001f-offer', ['m=video 9 UDP/TLS/RTP/SAVPF 98']],
  ['codec-h264-640-offer', ['m=video 9 UDP/TLS/RTP/SAVPF 97']],
  ['codec-pcmuonly-offer', ['m=audio 0 UDP/TLS/RTP/SAVPF 0']],
  ['codec-vp8-and-h264-offer', ['m=video 9 UDP/TLS/RTP/SAVPF 96']],
  ['codec-vp8only-offer', ['m=video 9 UDP/TLS/RTP/SAVPF 96']],
  [
    'ndc-publisher-offer',
    [
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'm=video 9 UDP/TLS/RTP/SAVPF 102',
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    ],
  ],
] as const) {
  test(`m-lines of the answer to ${name}`, () => {
    assert.deepEqual(answer(recorded(name)).sdp.match(/^m=.*$/gm), expected)
  })
}

test('a single m-line without a codec in common: nothing is accepted, and there is no bundle', () => {
  const { sdp, streams, data } = answer(recorded('codec-pcmuonly-offer'))
  assert.deepEqual(section(sdp, 1), ['m=audio 0 UDP/TLS/RTP/SAVPF 0', 'c=IN IP4 192.0.2.1', 'a=mid:a', 'a=inactive'])
  without(section(sdp, 0), /BUNDLE/)
  assert.deepEqual({ streams, data }, { streams: [], data: false })
})

test('an unknown codec on one m-line leaves the others working', () => {
  const pcmu = ['m=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=rtpmap:0 PCMU/8000']
  const { sdp, streams, data } = answer(offerOf(pcmu, vp8Lines, dataLines))
  has(section(sdp, 0), 'a=group:BUNDLE 1 2')
  assert.equal(section(sdp, 1)[0], 'm=audio 0 UDP/TLS/RTP/SAVPF 0')
  has(section(sdp, 1), 'a=inactive', 'a=mid:0')
  assert.deepEqual(
    streams.map(({ mid, index }) => ({ mid, index })),
    [{ mid: '1', index: 0 }],
  )
  assert.equal(data, true)
})

test('takes the codecs in the configured order', () => {
  const all = recorded('chrome-0072-A-client-offer')
  const m = (video: CodecPolicy['video']) => section(answer(all, { audio: ['opus'], video }).sdp, 3)[0]
  assert.equal(m(['H264', 'VP8']), 'm=video 9 UDP/TLS/RTP/SAVPF 108 109')
  assert.equal(m(['VP9', 'H264', 'VP8']), 'm=video 9 UDP/TLS/RTP/SAVPF 98 99')
  assert.equal(m(['AV1']), 'm=video 9 UDP/TLS/RTP/SAVPF 45 46')
  assert.equal(m([]), 'm=video 0 UDP/TLS/RTP/SAVPF 0')
  assert.equal(section(answer(all, { audio: ['opus'], video: [] }).sdp, 2)[0], 'm=audio 9 UDP/TLS/RTP/SAVPF 111')
})

test('repeats the H264 parameters of the payload type that is taken', () => {
  const { sdp } = answer(recorded('chrome-0072-A-client-offer'), { audio: [], video: ['H264'] })
  has(
    section(sdp, 3),
    'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'a=fmtp:109 apt=108',
  )
})

test("opus as naf-janus-adapter writes it: what the sender should use is repeated, what it receives isn't", () => {
  const fmtp = 'a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;stereo=0;sprop-stereo=0;x-unknown=1;cbr=%s'
  has(section(answer(offerOf([...opusLines, fmtp])).sdp, 1), 'a=fmtp:111 minptime=10;stereo=0;useinbandfec=1;usedtx=1')
})

test('RED only beside opus 111, whose number is inside of its packets', () => {
  const red = (opus: number, fmtp: string) => [
    `m=audio 9 UDP/TLS/RTP/SAVPF 63 ${opus}`,
    'a=rtpmap:63 red/48000/2',
    `a=fmtp:63 ${fmtp}`,
    `a=rtpmap:${opus} opus/48000/2`,
  ]
  const pts = (lines: readonly string[]) => answer(offerOf(lines)).streams[0]?.payloadTypes.map(({ pt }) => pt)
  assert.deepEqual(pts(red(111, '111/111')), [111, 63])
  assert.deepEqual(pts(red(111, '111/0')), [111])
  assert.deepEqual(pts(red(109, '109/109')), [109])
  assert.equal(pts(['m=audio 9 UDP/TLS/RTP/SAVPF 63', 'a=rtpmap:63 red/48000/2']), undefined)
})

for (const [offered, role, written, ours] of [
  ['actpass', undefined, 'active', 'client'],
  ['passive', undefined, 'active', 'client'],
  ['active', undefined, 'passive', 'server'],
  ['actpass', 'server', 'passive', 'server'],
  ['actpass', 'client', 'active', 'client'],
] as const) {
  test(`setup:${offered} is answered ${written}${role === undefined ? '' : ` by a ${role}`}`, () => {
    const offer = describe(offerOf(opusLines, dataLines).replace('a=setup:actpass', `a=setup:${offered}`))
    const { sdp, dtls } = answerPublisher(offer, local, defaultPolicy, role && { role, streams: [] })
    assert.equal(dtls.role, ours)
    assert.deepEqual(sdp.match(/a=setup:.*/g), [`a=setup:${written}`, `a=setup:${written}`])
  })
}

for (const [offered, answered, active] of [
  ['sendrecv', 'recvonly', true],
  ['sendonly', 'recvonly', true],
  ['recvonly', 'inactive', false],
  ['inactive', 'inactive', false],
] as const) {
  test(`${offered} is answered ${answered}`, () => {
    const { sdp, streams } = answer(offerOf(opusLines).replace('a=sendrecv', `a=${offered}`))
    has(section(sdp, 1), `a=${answered}`)
    assert.equal(streams[0]?.active ?? false, active)
  })
}

test('of two data m-lines the second is declined cleanly', () => {
  const { sdp } = answer(offerOf(opusLines, dataLines, dataLines))
  assert.deepEqual(sdp.match(/^m=\w+ \d+/gm), ['m=audio 9', 'm=application 9', 'm=application 0'])
  has(section(sdp, 0), 'a=group:BUNDLE 0 1')
  assert.deepEqual(section(sdp, 3).slice(1), ['c=IN IP4 192.0.2.1', 'a=mid:2', 'a=inactive'])
})

test('a camera that was removed and added again moves to its new m-line', () => {
  const silent = vp8Lines.map((line) => line.replace('a=sendrecv', 'a=inactive'))
  const { sdp, streams } = answer(offerOf(silent, vp8Lines))
  assert.deepEqual(sdp.match(/^m=\w+ \d+/gm), ['m=video 9', 'm=video 9'])
  assert.deepEqual(sdp.match(/^a=(recvonly|inactive)/gm), ['a=inactive', 'a=recvonly'])
  assert.deepEqual(
    streams.map(({ mid, index, active }) => ({ mid, index, active })),
    [{ mid: '1', index: 0, active: true }],
  )
})

test('an m-line that ended keeps its place', () => {
  const off = ['m=video 0 UDP/TLS/RTP/SAVPF 96', 'a=inactive']
  const { sdp, streams } = answer(offerOf(opusLines, off, dataLines))
  assert.deepEqual(sdp.match(/^m=\w+ \d+/gm), ['m=audio 9', 'm=video 0', 'm=application 9'])
  has(section(sdp, 0), 'a=group:BUNDLE 0 2')
  assert.deepEqual(
    streams.map(({ kind }) => kind),
    ['audio'],
  )
})

test('the old form of the data m-line is answered in the old form', () => {
  const { sdp, data } = answer(offerOf(['m=application 9 DTLS/SCTP 5000', 'a=sctpmap:5000 webrtc-datachannel 1024']))
  assert.equal(section(sdp, 1)[0], 'm=application 9 DTLS/SCTP 5000')
  has(section(sdp, 1), 'a=sctpmap:5000 webrtc-datachannel 16', 'a=max-message-size:262144')
  without(section(sdp, 1), /sctp-port/)
  assert.equal(data, true)
})

test('copies 64-bit numbers of the origin exactly, and no group that was not offered', () => {
  const lone = offerOf(opusLines).replace('a=group:BUNDLE 0\r\n', '')
  const { sdp } = answer(lone.replace('o=- 1 2', () => 'o=x$& 18446744073709551615 9223372036854775809'))
  has(section(sdp, 0), 'o=x$& 18446744073709551615 9223372036854775809 IN IP4 192.0.2.1')
  without(section(sdp, 0), /group|extmap-allow-mixed/)
})

test('writes IPv6 addresses as such', () => {
  const ipv6 = { ...local, candidates: [{ ...local.candidates[0]!, ip: '2001:db8::1' }] }
  const { sdp } = answerPublisher(describe(offerOf(opusLines)), ipv6, defaultPolicy)
  has(section(sdp, 1), 'c=IN IP6 2001:db8::1', 'a=candidate:1 1 udp 2015363327 2001:db8::1 40000 typ host')
})
