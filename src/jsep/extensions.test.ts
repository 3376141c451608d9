import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExtensionName } from '../media/control.js'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import { acceptedExtensions, extensionNames, extensions, offeredExtensions, publisherExtensions } from './extensions.js'
import { renegotiationProblem } from './renegotiation.js'
import { describe, local, offerOf, opusLines, section, vp8Lines } from './testing/recorded.js'

/** What the forwarder knows: a file each in media/rtp/extensions. */
const known: readonly ExtensionName[] = [
  'mid',
  'rid',
  'repaired-rid',
  'audio-level',
  'abs-send-time',
  'abs-capture-time',
  'transport-cc',
  'video-orientation',
  'playout-delay',
  'dependency-descriptor',
]
const extmap = (name: ExtensionName, id: number) => `a=extmap:${id} ${extensions[name].uri}`
const rtxLines = ['a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96']
/** Answers that have what else is needed for packets to be numbered. */
const numbered = {
  audio: [...opusLines, 'a=rtcp-fb:* transport-cc'],
  video: [`${vp8Lines[0]} 97`, ...vp8Lines.slice(1), ...rtxLines, 'a=rtcp-fb:* transport-cc'],
}
const mlineOf = (lines: readonly string[]) => describe(offerOf(lines)).mlines[0]!

test('the table has each extension that packets can carry, and no other', () => {
  assert.deepEqual([...extensionNames].sort(), [...known].sort())
})

for (const [at, name] of known.entries()) {
  const { kinds, fromPublishers, offeredId } = extensions[name]
  for (const [kind, lines] of [
    ['audio', opusLines],
    ['video', vp8Lines],
  ] as const) {
    // One-byte ids, and those that need two-byte headers (RFC 8285 §4.3).
    for (const id of [at + 1, at + 100]) {
      test(`${name} of a publisher's ${kind} with the id ${id}`, () => {
        // It is of no use without its feedback, and not taken then.
        const feedback = name === 'transport-cc' ? ['a=rtcp-fb:* transport-cc'] : []
        const sdp = offerOf([...lines, ...feedback, extmap(name, id)])
        const taken = fromPublishers && kinds.includes(kind)
        assert.deepEqual(publisherExtensions(describe(sdp).mlines[0]!), taken ? { [name]: id } : {})
        const answer = answerPublisher(describe(sdp), local, defaultPolicy)
        assert.deepEqual(
          section(answer.sdp, 1).filter((line) => line.startsWith('a=extmap')),
          taken ? [extmap(name, id)] : [],
        )
      })
    }

    test(`${name} towards a subscriber's ${kind}: the id of our table, whatever the publisher's is`, () => {
      const offered = offeredId !== undefined && kinds.includes(kind)
      assert.equal(offeredExtensions(kind)[name], offered ? offeredId : undefined)
      if (!offered) return
      const answered = name === 'transport-cc' ? numbered[kind] : lines
      assert.deepEqual(acceptedExtensions(kind, mlineOf([...answered, extmap(name, offeredId)])), { [name]: offeredId })
      assert.deepEqual(acceptedExtensions(kind, mlineOf([...lines, extmap(name, offeredId + 1)])), {})
    })
  }
}

test('what receivers get no use of stays between the publisher and us', () => {
  assert.deepEqual(
    known.filter((name) => /rid/.test(name)).map((name) => extensions[name].offeredId),
    [undefined, undefined],
  )
})

const before = offerOf([...vp8Lines, extmap('mid', 3), extmap('video-orientation', 4)])
for (const [what, lines, problem] of [
  ['the same ids', [extmap('mid', 3), extmap('video-orientation', 4)], undefined],
  ['one less', [extmap('mid', 3)], undefined],
  ['a new one', [extmap('mid', 3), extmap('video-orientation', 4), extmap('rid', 5)], undefined],
  ['an id that moved to a free number', [extmap('mid', 3), extmap('video-orientation', 9)], /has another a=extmap id/],
  ['ids that changed places', [extmap('mid', 4), extmap('video-orientation', 3)], /had another meaning/],
  ['an id with another meaning', [extmap('mid', 3), extmap('playout-delay', 4)], /had another meaning/],
] as const) {
  test(`a further offer with ${what}`, () => {
    const found = renegotiationProblem(describe(before), describe(offerOf([...vp8Lines, ...lines])), 'client')
    if (problem === undefined) assert.equal(found, undefined)
    else assert.match(found ?? 'no problem', problem)
  })
}
