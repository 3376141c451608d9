/** What browsers write of a camera in three sizes beside a screen, and of the tracks that they are offered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import { readSubscriberAnswer } from './read-subscriber-answer.js'
import { appendSlot, subscriberSlots } from './slots.js'
import { describe, given, local, recorded, section, seeded } from './testing/recorded.js'

const published = (name: string) => answerPublisher(describe(recorded(name)), local, defaultPolicy)

test('Chromium: microphone and camera of one stream, screen and its sound of another', () => {
  const { sdp, streams, tracks } = published('chromium-simulcast-and-screen-offer')
  assert.deepEqual(
    streams.map(({ mid, kind, index, encodings, ssrcs }) => [mid, kind, index, encodings, ssrcs.length]),
    [
      ['0', 'audio', 0, undefined, 1],
      ['1', 'video', 0, [{ rid: 'q' }, { rid: 'h' }, { rid: 'f' }], 0],
      ['2', 'video', 1, undefined, 1],
      ['3', 'audio', 1, undefined, 1],
    ],
  )
  assert.deepEqual(
    section(sdp, 2).filter((line) => /^a=(rid|simulcast)/.test(line)),
    // The page had switched one of them off.
    ['a=rid:q recv', 'a=rid:h recv', 'a=rid:f recv', 'a=simulcast:recv q;~h;f'],
  )
  assert.doesNotMatch(section(sdp, 3).join('\n'), /rid|simulcast/)
  const { extensions } = streams[1]!
  assert.deepEqual(
    [extensions.mid, extensions.rid, extensions['repaired-rid'], extensions['dependency-descriptor']],
    [4, 10, 11, 12],
  )
  const [microphone, camera, screen, sound] = tracks.map(({ msid }) => msid)
  assert.ok(microphone!.stream && screen!.stream)
  assert.deepEqual([camera!.stream, sound!.stream], [microphone!.stream, screen!.stream])
  assert.notEqual(screen!.stream, camera!.stream)
  assert.equal(new Set(tracks.map(({ msid }) => msid.track)).size, 4)
})

test('Firefox: ids in braces, SSRCs beside rids, m-lines that are bundle-only, extensions with a direction', () => {
  const { sdp, streams, tracks } = published('firefox-simulcast-and-screen-offer')
  assert.deepEqual(
    streams.map(({ mid, kind, index, encodings, active }) => [mid, kind, index, encodings?.length, active]),
    [
      ['0', 'audio', 0, undefined, true],
      ['1', 'video', 0, 3, true],
      ['2', 'video', 1, undefined, true],
      ['3', 'audio', 1, undefined, true],
    ],
  )
  const [, camera] = streams
  // Firefox lists the SSRCs in the order of the rids.
  assert.equal(camera!.ssrcs.filter(({ rtxSsrc }) => rtxSsrc !== undefined).length, 3)
  assert.deepEqual([camera!.extensions.rid, camera!.extensions['repaired-rid']], [9, 10])
  assert.equal(camera!.extensions['playout-delay'], undefined, 'it only receives that one')
  assert.ok(section(sdp, 2).includes('a=simulcast:recv q;h;f'))
  assert.match(tracks[0]!.msid.stream!, /^\{[0-9a-f-]{36}\}$/)
  assert.equal(tracks[0]!.msid.stream, tracks[1]!.msid.stream)
  assert.equal(tracks[2]!.msid.stream, tracks[3]!.msid.stream)
  // It takes stereo, and sends stereo to who does.
  assert.match(section(sdp, 1).join('\n'), /^a=fmtp:109 .*stereo=1/m)
  assert.equal(tracks[0]!.sprop, 'sprop-stereo=1')
})

const random = seeded(1)
const slots = ['video', 'audio'].reduce(
  (slots, kind) => appendSlot(slots, kind === 'audio' ? 'audio' : 'video', random),
  subscriberSlots(random),
)

for (const [browser, h264] of [
  ['chromium', ['constrained-baseline/1', 'baseline/1', 'constrained-baseline/0', 'baseline/0']],
  ['firefox', []],
] as const) {
  test(`${browser} takes four tracks, and two when those of the screen are inactive`, () => {
    const answered = (name: string) =>
      given(readSubscriberAnswer(describe(recorded(`${browser}-answer-to-${name}`)), slots, defaultPolicy)).streams
    const four = answered('four-tracks')
    assert.deepEqual(
      four.map(({ mid, kind, index, active }) => `${mid} ${kind} ${index} ${active}`),
      ['0 audio 0 true', '1 video 0 true', '3 video 1 true', '4 audio 1 true'],
    )
    for (const { payloadTypes } of four.filter(({ kind }) => kind === 'video')) {
      assert.deepEqual(
        payloadTypes.map(({ codec, variant }) => variant ?? codec),
        ['VP8', ...h264, 'VP9', 'AV1'],
      )
    }
    const two = answered('two-tracks-left')
    assert.deepEqual(
      two.map(({ active }) => active),
      [true, true, false, false],
    )
    assert.deepEqual(
      two.map(({ ssrc }) => ssrc),
      four.map(({ ssrc }) => ssrc),
    )
  })
}
