import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import { readDescription } from './read-description.js'
import { describe, local, offerOf, opusLines, section, vp8Lines } from './testing/recorded.js'

const rtpExtensions = [
  'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=extmap:6 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
]
const sending = (...lines: string[]) => offerOf([...vp8Lines, ...rtpExtensions, ...lines])
const rids = (...names: string[]) => names.map((name) => `a=rid:${name} send`)

/** Lines of the answer about simulcast, and the encodings that the worker is told of. */
function outcome(sdp: string) {
  const { sdp: answer, streams } = answerPublisher(describe(sdp), local, defaultPolicy)
  return {
    lines: section(answer, 1).filter((line) => /^a=(rid|simulcast)/.test(line)),
    encodings: streams[0]?.encodings,
  }
}

test('rids are answered one by one, in their order', () => {
  assert.deepEqual(outcome(sending(...rids('q', 'h', 'f'), 'a=simulcast:send q;h;f')), {
    lines: ['a=rid:q recv', 'a=rid:h recv', 'a=rid:f recv', 'a=simulcast:recv q;h;f'],
    encodings: [{ rid: 'q' }, { rid: 'h' }, { rid: 'f' }],
  })
})

test('rids that are numbers, and one with leading zeros, stay text', () => {
  const { lines, encodings } = outcome(sending(...rids('1', '02'), 'a=simulcast:send 1;02'))
  assert.deepEqual(lines, ['a=rid:1 recv', 'a=rid:02 recv', 'a=simulcast:recv 1;02'])
  assert.deepEqual(encodings, [{ rid: '1' }, { rid: '02' }])
})

test('what the sender has paused stays paused, and is an encoding all the same', () => {
  const { lines, encodings } = outcome(sending(...rids('l', 'h'), 'a=simulcast:send ~l;h'))
  assert.equal(lines.at(-1), 'a=simulcast:recv ~l;h')
  assert.equal(encodings?.length, 2)
})

test('of alternatives the first one that fits the codec is taken; a stream without one is not asked for', () => {
  const lines = [
    'a=rid:a send pt=101',
    'a=rid:b send max-width=1280;pt=96,97;max-height=720',
    'a=rid:c send max-width=320',
    'a=rid:d send pt=',
    'a=simulcast:send a,b;c;d',
  ]
  assert.deepEqual(outcome(sending(...lines)).lines, ['a=rid:b recv', 'a=rid:c recv', 'a=simulcast:recv b;c'])
})

test('four streams are taken of more', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const { lines, encodings } = outcome(sending(...rids(...names), `a=simulcast:send ${names.join(';')}`))
  assert.equal(lines.at(-1), 'a=simulcast:recv a;b;c;d')
  assert.equal(encodings?.length, 4)
})

test('a single rid is answered, and is no simulcast', () => {
  assert.deepEqual(outcome(sending(...rids('x'), 'a=simulcast:send x')), {
    lines: ['a=rid:x recv', 'a=simulcast:recv x'],
    encodings: undefined,
  })
})

test('the direction counts: what the peer would receive is none of our business', () => {
  const both = [...rids('a', 'b'), 'a=rid:x recv', 'a=rid:y recv']
  assert.deepEqual(outcome(sending(...both, 'a=simulcast:recv x;y send a;b')).lines, [
    'a=rid:a recv',
    'a=rid:b recv',
    'a=simulcast:recv a;b',
  ])
  assert.deepEqual(outcome(sending(...both, 'a=simulcast:recv x;y')).lines, [])
})

// No simulcast, one stream, and the m-line works.
for (const [what, ...lines] of [
  ['rids alone', ...rids('a', 'b')],
  ['a=simulcast alone', 'a=simulcast:send a;b'],
  ['something that is no list', ...rids('a', 'b'), 'a=simulcast:send a;b;(c)'],
  ['the draft of 2015', ...rids('a', 'b'), 'a=simulcast: send rid=a;b'],
] as const) {
  test(`${what} is no simulcast`, () => {
    const { streams } = answerPublisher(describe(sending(...lines)), local, defaultPolicy)
    assert.deepEqual(outcome(sending(...lines)), { lines: [], encodings: undefined })
    assert.equal(streams[0]!.active, true)
  })
}

test('without the rid extension packets could not be told apart: no simulcast', () => {
  const sdp = offerOf([...vp8Lines, rtpExtensions[0]!, ...rids('a', 'b'), 'a=simulcast:send a;b'])
  assert.deepEqual(outcome(sdp), { lines: [], encodings: undefined })
})

test('audio has one encoding', () => {
  const sdp = offerOf([...opusLines, ...rtpExtensions, ...rids('a', 'b'), 'a=simulcast:send a;b'])
  assert.deepEqual(outcome(sdp), { lines: [], encodings: undefined })
})

for (const [what, reason, ...lines] of [
  ['an empty stream', /malformed a=simulcast/, ...rids('a', 'b'), 'a=simulcast:send a;;b'],
  ['an empty alternative', /malformed a=simulcast/, ...rids('a', 'b'), 'a=simulcast:send a,;b'],
  ['a tilde alone', /malformed a=simulcast/, ...rids('a', 'b'), 'a=simulcast:send ~;b'],
  ['two tildes', /malformed a=simulcast/, ...rids('a', 'b'), 'a=simulcast:send ~~a;b'],
  ['a rid too long', /malformed a=simulcast/, ...rids('a'), `a=simulcast:send a;${'x'.repeat(17)}`],
  ['a rid twice', /twice in a=simulcast/, ...rids('a', 'b'), 'a=simulcast:send a;b,a'],
  ['two lines for a rid', /has the rid "a" twice/, ...rids('a', 'a'), 'a=simulcast:send a;b'],
  ['too many rids', /more than 32/, 'a=simulcast:send a', ...rids(...Array.from({ length: 33 }, (_, i) => `r${i}`))],
  ['too long a list', /more than 32/, `a=simulcast:send ${Array.from({ length: 33 }, (_, i) => `r${i}`).join(';')}`],
  ['a SIM group with a word', /malformed a=ssrc-group/, 'a=ssrc-group:SIM 1 two 3'],
  ['a SIM group with an SSRC twice', /malformed a=ssrc-group/, 'a=ssrc-group:SIM 1 2 1'],
] as const) {
  test(`${what} is refused`, () => {
    const result = readDescription(sending(...lines))
    assert.ok(!result.ok)
    assert.match(result.reason, reason)
  })
}

test('the way of before: SSRCs in a SIM group, each with its RTX', () => {
  const ssrcs = [11, 12, 13, 21, 22, 23].map((ssrc) => `a=ssrc:${ssrc} cname:x`)
  const groups = ['a=ssrc-group:SIM 12 11 13', 'a=ssrc-group:FID 11 21', 'a=ssrc-group:FID 12 22']
  const { streams, sdp } = answerPublisher(describe(sending(...groups, ...ssrcs)), local, defaultPolicy)
  assert.deepEqual(streams[0]!.encodings, [
    { rid: '', ssrc: 12 },
    { rid: '', ssrc: 11 },
    { rid: '', ssrc: 13 },
  ])
  assert.deepEqual(streams[0]!.ssrcs.slice(0, 2), [
    { ssrc: 11, rtxSsrc: 21 },
    { ssrc: 12, rtxSsrc: 22 },
  ])
  assert.doesNotMatch(sdp, /simulcast|SIM/)
})
