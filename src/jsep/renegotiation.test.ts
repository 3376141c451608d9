import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import { iceChanged, renegotiationProblem } from './renegotiation.js'
import { dataLines, describe, local, offerOf, opusLines, recorded, section, vp8Lines } from './testing/recorded.js'

test('an ICE restart changes the user fragment or the password', () => {
  const ice = { ufrag: 'abcd', pwd: 'x'.repeat(22) }
  assert.equal(iceChanged(ice, { ...ice }), false)
  assert.equal(iceChanged(ice, { ...ice, ufrag: 'abce' }), true)
  assert.equal(iceChanged(ice, { ...ice, pwd: 'y'.repeat(22) }), true)
})

test('data only first, then microphone, then screen: the same connection all along', () => {
  const offers = ['0005', '0064', '0072'].map((number) => describe(recorded(`chrome-${number}-A-client-offer`)))
  const answers = offers.map((offer) => answerPublisher(offer, local, defaultPolicy, { role: 'client', streams: [] }))
  for (const index of [1, 2]) {
    const [before, after] = [offers[index - 1]!, offers[index]!]
    assert.equal(renegotiationProblem(before, after, 'client'), undefined)
    assert.equal(iceChanged(before.ice, after.ice), false)
    // What was agreed upon stays word for word.
    assert.deepEqual(section(answers[index]!.sdp, 1), section(answers[0]!.sdp, 1))
  }
  assert.deepEqual(
    answers.map(({ streams }) => streams.map(({ mid }) => mid)),
    [[], ['1'], ['1', '2']],
  )
  assert.deepEqual(
    answers.map(({ sdp }) => section(sdp, 0).find((line) => line.startsWith('a=group'))),
    ['a=group:BUNDLE 0', 'a=group:BUNDLE 0 1', 'a=group:BUNDLE 0 1 2'],
  )
})

const level = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level'
const base = offerOf([...opusLines, `a=extmap:1 ${level}`], vp8Lines, dataLines)
for (const [what, next, role, expected] of [
  ['the same again', base, 'client', undefined],
  ['setup:active towards a server', base.replace('actpass', 'active'), 'server', undefined],
  ['setup:active towards a client', base.replace('actpass', 'active'), 'client', /turn the DTLS roles around/],
  ['setup:passive towards a server', base.replace('actpass', 'passive'), 'server', /turn the DTLS roles around/],
  ['another certificate', base.replace('sha-256 A7', 'sha-256 A8'), 'client', /fingerprint changed/],
  ['fewer m-lines', offerOf(opusLines, vp8Lines), 'client', /has 2 m-lines, fewer than the 3 before/],
  ['another mid', base.replace('a=mid:2', 'a=mid:x').replace('0 1 2', '0 1 x'), 'client', /M-line 2 was application/],
  ['another type', offerOf(opusLines, opusLines, dataLines), 'client', /M-line 1 was video/],
  [
    'a remapped extension',
    base.replace(`a=extmap:1 ${level}`, 'a=extmap:1 urn:3gpp:video-orientation'),
    'client',
    /id 1 had/,
  ],
  [
    'one more extension',
    base.replace('a=mid:1', 'a=extmap:2 urn:3gpp:video-orientation\r\na=mid:1'),
    'client',
    undefined,
  ],
] as const) {
  test(`renegotiation with ${what}`, () => {
    const problem = renegotiationProblem(describe(base), describe(next), role)
    if (expected === undefined) assert.equal(problem, undefined)
    else assert.match(problem ?? '', expected)
  })
}

test('an m-line that was off can be given to something else', () => {
  const off = offerOf(opusLines, ['m=video 0 UDP/TLS/RTP/SAVPF 96'], dataLines)
  const reused = offerOf(opusLines, opusLines, dataLines).replace('a=mid:1', 'a=mid:new').replace('0 1 2', '0 new 2')
  assert.equal(renegotiationProblem(describe(off), describe(reused), 'client'), undefined)
})

test('an m-line that the answer declined can be given to something else, with ids of its own', () => {
  const toffset = 'a=extmap:7 urn:ietf:params:rtp-hdrext:toffset'
  const pcmu = ['m=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=rtpmap:0 PCMU/8000', 'a=sendrecv', toffset]
  const before = describe(offerOf(opusLines, pcmu, dataLines))
  const { sdp, declined } = answerPublisher(before, local, defaultPolicy)
  assert.match(section(sdp, 2)[0]!, /^m=audio 0 /)
  assert.deepEqual(declined, [1])
  const reused = offerOf(opusLines, [...vp8Lines, `a=extmap:7 ${level}`], dataLines)
    .replace('a=mid:1', 'a=mid:3')
    .replace('0 1 2', '0 3 2')
  assert.equal(renegotiationProblem(before, describe(reused), 'client', declined), undefined)
  assert.match(renegotiationProblem(before, describe(reused), 'client') ?? '', /M-line 1 was audio with another mid/)
  // The others keep their places all the same.
  const moved = describe(reused.replace('a=mid:2', 'a=mid:4').replace('0 3 2', '0 3 4'))
  assert.match(renegotiationProblem(before, moved, 'client', declined) ?? '', /M-line 2 was application/)
})
