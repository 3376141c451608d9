import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fuzz } from '../../fuzz/sdp.js'
import { readDescription } from './read-description.js'
import {
  dataLines,
  describe,
  digest,
  offerOf,
  opusLines,
  recorded,
  recordings,
  seeded,
  vp8Lines,
} from './testing/recorded.js'

const reason = (sdp: string): string => {
  const result = readDescription(sdp)
  return result.ok ? 'accepted' : result.reason
}

test('reads every recorded offer and answer', () => {
  assert.ok(recordings.length >= 21)
  for (const name of recordings) assert.equal(reason(recorded(name)), 'accepted', name)
})

test("reads Chromium's offer of data, microphone and screen", () => {
  const { origin, ice, fingerprint, setup, extmapAllowMixed, mlines } = describe(recorded('chrome-0072-A-client-offer'))
  assert.deepEqual(origin, { username: '-', sessionId: '3722457031253198980', sessionVersion: '4' })
  assert.deepEqual(ice, { ufrag: 'bdBg', pwd: 'dXBpDeiSGdhaqkjTe6P/+pWA' })
  assert.equal(fingerprint.algorithm, 'sha-256')
  assert.match(fingerprint.value, /^56:A1:9E:.*:DE$/)
  assert.equal(setup, 'actpass')
  assert.equal(extmapAllowMixed, true)
  assert.deepEqual(
    mlines.map(({ type, mid, direction, rejected, bundled }) => ({ type, mid, direction, rejected, bundled })),
    [
      { type: 'application', mid: '0', direction: 'sendrecv', rejected: false, bundled: true },
      { type: 'audio', mid: '1', direction: 'sendrecv', rejected: false, bundled: true },
      { type: 'video', mid: '2', direction: 'sendrecv', rejected: false, bundled: true },
    ],
  )
  const video = mlines[2]!
  assert.deepEqual(video.ssrcs, [{ ssrc: 3975221849, rtxSsrc: 3445666862 }])
  assert.equal(video.payloadTypes.length, 23)
  const h264 = video.payloadTypes.find(({ pt }) => pt === 108)!
  assert.deepEqual(
    { ...h264.parameters },
    {
      'level-asymmetry-allowed': '1',
      'packetization-mode': '1',
      'profile-level-id': '42e01f',
    },
  )
  assert.deepEqual(h264.feedback, ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'])
  assert.deepEqual(video.extensions.at(-1), {
    uri: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
    id: 11,
    direction: 'sendrecv',
  })
})

test('takes line ends of any kind', () => {
  const offer = recorded('chrome-0064-A-client-offer')
  for (const end of ['\n', '\r']) assert.deepEqual(describe(offer.replaceAll('\r\n', end)), describe(offer))
  assert.deepEqual(describe(offer.replace('\r\na=ice-ufrag', '\na=ice-ufrag')), describe(offer))
})

test('finds the transport at session level or in the m-line that the bundle begins with', () => {
  const atSession = offerOf(opusLines, vp8Lines)
  const session = describe(atSession)
  const transport = /a=ice-ufrag[\s\S]*a=setup:actpass\r\n/.exec(atSession)![0]
  const without = atSession.replace(transport, '')
  assert.deepEqual(describe(without.replace('a=mid:0\r\n', `a=mid:0\r\n${transport}`)), session)
  const videoFirst = without.replace('BUNDLE 0 1', 'BUNDLE 1 0')
  assert.deepEqual(describe(videoFirst.replace('a=mid:1\r\n', `a=mid:1\r\n${transport}`)), session)
  assert.match(reason(videoFirst.replace('a=mid:0\r\n', `a=mid:0\r\n${transport}`)), /no a=ice-ufrag for m-line 1/)
})

// H-03 and its neighbours: each line replaces the fingerprint of an offer.
const sha384 = Array.from({ length: 48 }, () => '0f').join(':')
for (const [line, expected] of [
  ['', /no a=fingerprint/],
  ['a=fingerprint:', /fingerprint of m-line 0 is empty/],
  ['a=fingerprint', /fingerprint of m-line 0 is empty/],
  ['a=fingerprint:sha-256', /malformed/],
  ['a=fingerprint:sha-256 ', /malformed/],
  [`a=fingerprint:${digest}`, /malformed/],
  ['a=fingerprint:sha-256 zz:zz', /malformed/],
  [`a=fingerprint:sha-256 ${digest.replaceAll(':', '')}`, /malformed/],
  [`a=fingerprint:sha-256 ${digest}:`, /malformed/],
  [`a=fingerprint:sha-256 ${digest}:A7`, /has not the 32 bytes of sha-256/],
  [`a=fingerprint:sha-256 ${digest.slice(3)}`, /has not the 32 bytes of sha-256/],
  [`a=fingerprint:sha-512 ${digest}`, /has not the 64 bytes of sha-512/],
  [`a=fingerprint:sha-1 ${digest.slice(0, 59)}`, /uses "sha-1"; sha-256/],
  [`a=fingerprint:md5 ${digest.slice(0, 47)}`, /uses "md5"; sha-256/],
  [`a=fingerprint:constructor ${digest}`, /uses "constructor"; sha-256/],
  [`a=fingerprint:SHA-256 ${digest.toLowerCase()}`, /^accepted$/],
  [`a=fingerprint:sha-384 ${sha384}`, /^accepted$/],
  [`a=fingerprint:sha-1 ${digest.slice(0, 59)}\r\na=fingerprint:sha-256 ${digest}`, /^accepted$/],
  [`a=fingerprint:sha-256 ${digest}\r\na=fingerprint:sha-1 ${digest.slice(0, 59)}`, /^accepted$/],
  [`a=fingerprint:sha-256 ${digest}\r\na=fingerprint:sha-256 A7`, /has not the 32 bytes/],
] as const) {
  test(`fingerprint ${JSON.stringify(line.slice(0, 40))} (${line.length} characters)`, () => {
    assert.match(reason(offerOf(opusLines).replace(`a=fingerprint:sha-256 ${digest}`, line)), expected)
  })
}

const crowd = (count: number) => offerOf(...Array.from({ length: count }, () => opusLines))

// Each row edits a good offer of audio, video and data: what is replaced, by what, and what the client is told.
const edits: readonly (readonly [string | RegExp, string, RegExp])[] = [
  ['v=0\r\n', '', /^Invalid SDP \(doesn't start with v=\)$/],
  ['v=0', 'v=1', /version "1" instead of 0/],
  ['o=- 1 2 IN IP4 127.0.0.1\r\n', '', /^Missing mandatory lines \(o=, s= or m=\)$/],
  ['s=-\r\n', '', /^Missing mandatory lines \(o=, s= or m=\)$/],
  [/m=[\s\S]*/, '', /^Missing mandatory lines \(o=, s= or m=\)$/],
  ['o=- 1 2 IN IP4 127.0.0.1', 'o=nonsense', /^Invalid o= line: "o=nonsense"$/],
  ['o=- 1 2', `o=- ${'9'.repeat(21)} 2`, /^Invalid o= line/],
  ['o=- 1 2', 'o=- 18446744073709551615 18446744073709551615', /^accepted$/],
  ['t=0 0', 't=0 0\r\na=ice-lite', /ICE-lite/],
  ['m=audio', 'm=text', /^Invalid m= line: m-line 0 has the unknown type "text"$/],
  ['m=audio 9 ', 'm=audio nine ', /^Invalid m= line/],
  ['m=audio 9 ', 'm=audio 65536 ', /^Invalid m= line: m-line 0 has no valid port$/],
  ['m=audio 9 UDP/TLS/RTP/SAVPF', 'm=audio 9 RTP/AVP', /protocol "RTP\/AVP"; UDP\/TLS\/RTP\/SAVPF/],
  ['m=video 9 UDP/TLS/RTP/SAVPF', 'm=video 9 RTP/SAVPF', /M-line 1 has the protocol "RTP\/SAVPF"/],
  ['m=audio 9 UDP/TLS/RTP/SAVPF', 'm=audio 9 TCP/TLS/RTP/SAVPF', /^accepted$/],
  ['m=audio 9 UDP/TLS/RTP/SAVPF', 'm=audio 9 TCP/DTLS/RTP/SAVPF', /^accepted$/],
  ['SAVPF 111', 'SAVPF 200', /M-line 0 has the payload type "200"; 0 to 127 is valid/],
  ['SAVPF 111', 'SAVPF 111 -1', /payload type "-1"/],
  ['SAVPF 111', 'SAVPF 111 0x10', /payload type "0x10"/],
  ['rtpmap:111', 'rtpmap:128', /payload type "128"/],
  ['SAVPF 111', 'SAVPF', /^accepted$/],
  ['a=mid:1\r\n', 'a=mid:0\r\n', /mid "0" is used by more than one m-line/],
  ['a=mid:0\r\n', 'a=mid:12345678901234567\r\n', /mid of m-line 0 is longer than 16 characters/],
  ['a=mid:0\r\n', 'a=mid:é\r\n', /mid of m-line 0 is not a token/],
  ['a=group:BUNDLE 0 1 2\r\n', '', /All m-lines must be in one a=group:BUNDLE; there is none/],
  ['BUNDLE 0 1 2', 'BUNDLE 0 1', /All m-lines must be in one a=group:BUNDLE; some are left out/],
  ['BUNDLE 0 1 2', 'BUNDLE 0 1 2 9', /^accepted$/],
  ['a=rtcp-mux\r\n', '', /M-line 0 has no a=rtcp-mux/],
  ['a=ice-ufrag:cliU\r\n', '', /no a=ice-ufrag for m-line 0/],
  ['a=ice-ufrag:cliU', 'a=ice-ufrag:abc', /a=ice-ufrag of m-line 0 is not 4 to 256/],
  ['a=ice-ufrag:cliU', `a=ice-ufrag:${'a'.repeat(257)}`, /a=ice-ufrag of m-line 0 is not 4 to 256/],
  ['a=ice-ufrag:cliU', 'a=ice-ufrag:a:b:c', /a=ice-ufrag of m-line 0 is not 4 to 256/],
  ['a=ice-ufrag:cliU', 'a=ice-ufrag:1234', /^accepted$/],
  [/a=ice-pwd.*\r\n/, '', /no a=ice-pwd for m-line 0/],
  [/a=ice-pwd.*/, 'a=ice-pwd:short', /a=ice-pwd of m-line 0 is not 22 to 256/],
  ['a=setup:actpass\r\n', '', /no a=setup for m-line 0/],
  ['a=setup:actpass', 'a=setup:holdconn', /a=setup:"holdconn"/],
  ['a=setup:actpass', 'a=setup:active', /^accepted$/],
  ['a=mid:1', 'a=ice-ufrag:other\r\na=mid:1', /M-line 1 has other ICE credentials, fingerprint or setup/],
  ['a=mid:1', 'a=setup:passive\r\na=mid:1', /M-line 1 has other ICE credentials, fingerprint or setup/],
  ['a=mid:1', `a=fingerprint:sha-384 ${sha384}\r\na=mid:1`, /M-line 1 has other ICE credentials/],
  ['a=mid:1', `a=fingerprint:SHA-256 ${digest.toLowerCase()}\r\na=mid:1`, /^accepted$/],
  ['a=mid:0', 'a=extmap:0 urn:x\r\na=mid:0', /M-line 0 has the a=extmap id "0"; 1 to 255 is valid/],
  ['a=mid:0', 'a=extmap:256 urn:x\r\na=mid:0', /a=extmap id "256"/],
  ['a=mid:0', 'a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\na=mid:0', /M-line 0 has the a=extmap id 1 twice/],
  ['a=mid:0', 'a=extmap:1/sideways urn:x\r\na=mid:0', /a=extmap direction "sideways"/],
  [/a=mid:([01])/g, 'a=extmap:1 urn:x$1\r\na=mid:$1', /id 1 has different meanings on different m-lines/],
  ['a=mid:0', 'a=ssrc:0 cname:x\r\na=mid:0', /M-line 0 has the invalid SSRC "0"/],
  ['a=mid:0', 'a=ssrc:4294967296 cname:x\r\na=mid:0', /invalid SSRC "4294967296"/],
  ['a=mid:0', 'a=ssrc-group:FID 1\r\na=mid:0', /malformed a=ssrc-group: "1"/],
  [/a=mid:([01])/g, 'a=ssrc:7 cname:x\r\na=mid:$1', /SSRC 7 is used twice/],
  ['DTLS/SCTP webrtc-datachannel', 'DTLS/SCTP 5000', /format "5000"; webrtc-datachannel/],
  ['UDP/DTLS/SCTP webrtc-datachannel', 'DTLS/SCTP 5000', /^accepted$/],
  ['UDP/DTLS/SCTP webrtc-datachannel', 'UDP/BFCP *', /protocol "UDP\/BFCP"/],
  ['a=sctp-port:5000', 'a=sctp-port:6000', /a=sctp-port:"6000"; 5000 is needed/],
  [/ 9 /g, ' 0 ', /^Every m-line of the SDP is off/],
  ['t=0 0', `t=0 0\r\na=${'x'.repeat(4096)}`, /line longer than 4096 characters: "a=xxx/],
  ['t=0 0', `t=0 0${'\r\na=x'.repeat(8192)}`, /more than 8192 lines/],
  ['t=0 0', `t=0 0${`\r\na=${'x'.repeat(4000)}`.repeat(70)}`, /longer than 262144 characters/],
]
for (const [index, [what, by, expected]] of edits.entries()) {
  test(`edit ${index}: ${JSON.stringify(String(what)).slice(0, 40)} → ${JSON.stringify(by.slice(0, 40))}`, () => {
    const good = offerOf(opusLines, vp8Lines, dataLines)
    assert.equal(reason(good), 'accepted')
    assert.match(reason(good.replace(what, by)), expected)
  })
}

test('takes 64 m-lines and refuses 1,000', () => {
  assert.equal(describe(crowd(64)).mlines.length, 64)
  assert.match(reason(crowd(65)), /more than 64 m-lines/)
  assert.match(reason(crowd(1000)), /more than 64 m-lines/)
})

test('assigns mids where there are none', () => {
  const lone = offerOf(opusLines).replace('a=mid:0\r\n', '').replace('a=group:BUNDLE 0\r\n', '')
  assert.deepEqual(
    describe(lone).mlines.map(({ mid, bundled }) => ({ mid, bundled })),
    [{ mid: '0', bundled: false }],
  )
  const off = offerOf(['m=audio 0 UDP/TLS/RTP/SAVPF 0'], vp8Lines)
    .replace('a=mid:0\r\n', '')
    .replace('a=mid:1', 'a=mid:0')
  assert.deepEqual(
    describe(off.replace('BUNDLE 0 1', 'BUNDLE 0')).mlines.map(({ mid }) => mid),
    ['1', '0'],
  )
})

test('port 0 switches an m-line off, unless it is bundle-only', () => {
  const off = ['m=video 0 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 VP8/90000']
  const { mlines } = describe(offerOf(opusLines, off, [...off, 'a=bundle-only']))
  assert.deepEqual(
    mlines.map(({ rejected }) => rejected),
    [false, true, false],
  )
  assert.deepEqual(mlines[1]!.payloadTypes, [])
})

test('keeps hostile parameter names apart from the object they are kept in', () => {
  const { mlines } = describe(offerOf([...opusLines, 'a=fmtp:111 __proto__=1;CONSTRUCTOR=2; stereo=0;;flag;a=b=c']))
  const { parameters } = mlines[0]!.payloadTypes[0]!
  assert.deepEqual(Object.entries(parameters), [
    ['__proto__', '1'],
    ['constructor', '2'],
    ['stereo', '0'],
    ['flag', ''],
    ['a', 'b=c'],
  ])
  assert.equal(parameters.tostring, undefined)
})

test('feedback for all payload types counts for each', () => {
  const { mlines } = describe(
    offerOf([...vp8Lines, 'a=rtcp-fb:* nack pli', 'a=rtcp-fb:96 nack', 'a=rtcp-fb:97 ccm fir']),
  )
  assert.deepEqual(mlines[0]!.payloadTypes[0]!.feedback, ['nack pli', 'nack'])
})

test('leaves encrypted extensions, FEC streams and payload types without a name out', () => {
  const encrypted = 'a=extmap:3 urn:ietf:params:rtp-hdrext:encrypt urn:ietf:params:rtp-hdrext:ssrc-audio-level'
  const ssrcs = ['a=ssrc:5 cname:x', 'a=ssrc:6 cname:x', 'a=ssrc:7 cname:x']
  const groups = ['a=ssrc-group:FID 5 6', 'a=ssrc-group:FEC-FR 5 7']
  const [m, ...rest] = vp8Lines
  const { mlines } = describe(offerOf([`${m} 0 9`, ...rest, encrypted, ...ssrcs, ...groups]))
  assert.deepEqual(mlines[0]!.extensions, [])
  assert.deepEqual(mlines[0]!.ssrcs, [{ ssrc: 5, rtxSsrc: 6 }])
  assert.deepEqual(
    mlines[0]!.payloadTypes.map(({ pt }) => pt),
    [96],
  )
})

test('never throws: any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) =>
      fuzz(new TextEncoder().encode(`v=0\r\n${text}`)),
    ),
    { numRuns: 300, seed: 1 },
  )
})

test('never throws: recorded SDPs with lines cut, doubled, moved and changed', () => {
  const random = seeded(20)
  const texts = recordings.map((name) => recorded(name).split('\r\n'))
  const words = ['', '0', '-1', '99999999999', '__proto__', 'a'.repeat(300), ' ', '\u2028', '*', '128', '%s', '$&']
  const pick = <T>(items: readonly T[]): T => items[random() % items.length]!
  for (let run = 0; run < 1500; run++) {
    const lines = [...pick(texts)]
    for (let change = random() % 4; change >= 0; change--) {
      const at = random() % lines.length
      const line = lines[at] ?? ''
      const cut = random() % (line.length + 1)
      const edit = random() % 6
      if (edit === 0) lines.splice(at, 1)
      else if (edit === 1) lines.splice(at, 0, pick(lines))
      else if (edit === 2) lines[at] = line.slice(0, cut)
      else if (edit === 3) lines[at] = line.slice(0, cut) + pick(words) + line.slice(cut + 1)
      else if (edit === 4) lines[at] = line.replace(/\d+/, pick(words))
      else lines[at] = `${line} ${pick(words)}`
    }
    const sdp = lines.join('\r\n')
    assert.doesNotThrow(() => fuzz(new TextEncoder().encode(sdp)), sdp)
  }
})
