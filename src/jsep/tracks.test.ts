/** Several m-lines of a kind: their numbers, and what subscribers are told of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream } from '../media/control.js'
import { answerPublisher } from './answer-publisher.js'
import { defaultPolicy } from './codecs.js'
import { maxStreamsPerKind } from './stream-index.js'
import { describe, local, offerOf, opusLines, section, vp8Lines } from './testing/recorded.js'

const answer = (sdp: string, streams: readonly ReceiveStream[] = []) =>
  answerPublisher(describe(sdp), local, defaultPolicy, { role: 'client', streams })
const silent = (lines: readonly string[]) => lines.map((line) => line.replace('a=sendrecv', 'a=inactive'))
const off = (lines: readonly string[]) => lines.map((line) => line.replace(/^(m=\w+) 9/, '$1 0'))
const numbers = (streams: readonly ReceiveStream[]) =>
  streams.map(({ kind, mid, index, active }) => `${kind} mid ${mid} = ${index}${active ? '' : ' silent'}`)

test('camera and screen, microphone and music: each kind counts for itself', () => {
  const { sdp, streams } = answer(offerOf(opusLines, vp8Lines, opusLines, vp8Lines))
  assert.deepEqual(numbers(streams), ['audio mid 0 = 0', 'video mid 1 = 0', 'audio mid 2 = 1', 'video mid 3 = 1'])
  assert.deepEqual(sdp.match(/^a=recvonly/gm)?.length, 4)
})

test(`of ${maxStreamsPerKind + 2} that send ${maxStreamsPerKind} are taken, and those that do not send are no matter`, () => {
  const many = Array.from({ length: maxStreamsPerKind + 2 }, () => vp8Lines)
  const { sdp, streams } = answer(offerOf(opusLines, silent(vp8Lines), ...many))
  assert.deepEqual(
    streams.filter(({ kind }) => kind === 'video').map(({ index }) => index),
    Array.from({ length: maxStreamsPerKind }, (_, index) => index),
  )
  const ports = sdp.match(/^m=\w+ \d+/gm)!
  assert.deepEqual(ports.slice(0, 2), ['m=audio 9', 'm=video 9'])
  assert.deepEqual(ports.slice(-3), ['m=video 9', 'm=video 0', 'm=video 0'])
  assert.match(section(sdp, 2).join('\n'), /a=inactive/)
})

test('an m-line keeps its number while it sends, whatever happens around it', () => {
  const first = answer(offerOf(vp8Lines, vp8Lines, vp8Lines))
  const second = answer(offerOf(silent(vp8Lines), vp8Lines, vp8Lines), first.streams)
  assert.deepEqual(numbers(second.streams), ['video mid 0 = 0 silent', 'video mid 1 = 1', 'video mid 2 = 2'])
  const third = answer(offerOf(off(vp8Lines), vp8Lines, vp8Lines), second.streams)
  assert.deepEqual(numbers(third.streams), ['video mid 1 = 1', 'video mid 2 = 2'])
})

test('a track that was removed and added again has its number again, on the same m-line or on a new one', () => {
  const first = answer(offerOf(vp8Lines, vp8Lines))
  const removed = answer(offerOf(vp8Lines, silent(vp8Lines)), first.streams)
  assert.deepEqual(numbers(removed.streams), ['video mid 0 = 0', 'video mid 1 = 1 silent'])
  assert.deepEqual(numbers(answer(offerOf(vp8Lines, vp8Lines), removed.streams).streams), numbers(first.streams))
  const again = answer(offerOf(vp8Lines, silent(vp8Lines), vp8Lines), removed.streams)
  assert.deepEqual(numbers(again.streams), ['video mid 0 = 0', 'video mid 2 = 1'])
})

test('who comes back to an m-line whose number another has now gets the next one', () => {
  const camera = answer(offerOf(vp8Lines))
  const screen = answer(offerOf(silent(vp8Lines), vp8Lines), camera.streams)
  assert.deepEqual(numbers(screen.streams), ['video mid 1 = 0'])
  const both = answer(offerOf(vp8Lines, vp8Lines), screen.streams)
  assert.deepEqual(numbers(both.streams), ['video mid 0 = 1', 'video mid 1 = 0'])
})

test('of each track that is sent: its ids, and what it says of its sound', () => {
  const stereo = [...opusLines, 'a=fmtp:111 minptime=10;sprop-stereo=1;sprop-maxcapturerate=16000', 'a=msid:desk mic']
  const { tracks } = answer(
    offerOf(stereo, [...vp8Lines, 'a=msid:- cam'], silent(vp8Lines), [...vp8Lines, 'a=ssrc:7 msid:desk shared']),
  )
  assert.deepEqual(tracks, [
    {
      kind: 'audio',
      index: 0,
      msid: { stream: 'desk', track: 'mic' },
      sprop: 'sprop-maxcapturerate=16000;sprop-stereo=1',
    },
    { kind: 'video', index: 0, msid: { track: 'cam' }, sprop: '' },
    { kind: 'video', index: 1, msid: { stream: 'desk', track: 'shared' }, sprop: '' },
  ])
})

for (const [written, msid] of [
  ['a=msid:one', { stream: 'one' }],
  ['a=msid:- -', { track: '-' }],
  ['a=msid:a(b c', { track: 'c' }],
  ['a=msid:{d57d3917-64e9} {af2f7a35-0d1c}', { stream: '{d57d3917-64e9}', track: '{af2f7a35-0d1c}' }],
  [`a=msid:${'x'.repeat(65)} ${'y'.repeat(64)}`, { track: 'y'.repeat(64) }],
  ['a=msid:00042 99999999999999999999', { stream: '00042', track: '99999999999999999999' }],
  ['a=msid:one track\r\na=msid:two track', { stream: 'one', track: 'track' }],
  ['a=ssrc:5 cname:x', {}],
] as const) {
  test(`msid of ${written.slice(0, 40).replace('\r\n', ' ')}`, () => {
    assert.deepEqual(answer(offerOf([...vp8Lines, written])).tracks[0]!.msid, msid)
  })
}

for (const [offered, answered, told] of [
  ['stereo=1', 'stereo=1', 'sprop-stereo=1'],
  ['stereo=1;sprop-stereo=0', 'stereo=1', ''],
  ['sprop-stereo=1', 'stereo=1', 'sprop-stereo=1'],
  ['sprop-stereo=1;stereo=0', 'stereo=0', 'sprop-stereo=1'],
  ['stereo=0;sprop-stereo=0', 'stereo=0', ''],
  ['useinbandfec=1;maxaveragebitrate=510000;cbr=1', 'maxaveragebitrate=510000;useinbandfec=1;cbr=1', ''],
] as const) {
  test(`opus with ${offered}`, () => {
    const { sdp, tracks } = answer(offerOf([...opusLines, `a=fmtp:111 ${offered}`]))
    assert.ok(section(sdp, 1).includes(`a=fmtp:111 ${answered}`), sdp)
    assert.equal(tracks[0]!.sprop, told)
  })
}
