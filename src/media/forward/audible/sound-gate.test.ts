import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReceiveStream } from '../../control.js'
import { writeNack } from '../../rtp/rtcp/nack.js'
import { Link } from '../relay/link.js'
import type { Peer } from '../router.js'
import type { SentRtp } from '../testing/recording-io.js'
import { elementOf } from '../testing/recording-io.js'
import { AUDIO_SSRC, audioStream, Scene, sendAudio } from '../testing/scene.js'
import { OPUS_SILENCE } from './sound-gate.js'

const LEVEL_ID = 1
const SOUND = Uint8Array.of(0x78, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

/** A speaker in a room, and where its packets stand. */
class Voice {
  readonly peer: Peer
  readonly #scene: Scene
  seq = 1000
  timestamp = 5000

  constructor(scene: Scene, endpoint: number, room = 'room', stream: ReceiveStream = audioStream) {
    this.#scene = scene
    this.peer = scene.publisher([stream], endpoint)
    scene.router.place(endpoint, room)
  }

  /** One packet of 20 ms. @param level −dBov; undefined = without the extension */
  say(level: number | undefined, pt = 111, payload = SOUND): void {
    const extensions = level === undefined ? {} : { [LEVEL_ID]: Uint8Array.of(0x80 | level) }
    this.#scene.rtp(this.peer, {
      pt,
      seq: this.seq++,
      timestamp: this.timestamp,
      ssrc: AUDIO_SSRC,
      extensions,
      payload,
    })
    this.timestamp += 960
  }

  get audible(): boolean | undefined {
    return this.peer.info(this.#scene.nowMs).inbound[0]?.audible
  }
}

/** Everybody says one packet every 20 ms, with the level of its place in `levels`. */
function talk(scene: Scene, voices: readonly Voice[], ms: number, ...levels: (number | undefined)[]): void {
  for (const endMs = scene.nowMs + ms; scene.nowMs < endMs; scene.advance(20)) {
    for (const [i, voice] of voices.entries()) voice.say(levels[i])
  }
}

const sentTo = (sent: readonly SentRtp[], ssrc: number) => sent.filter((packet) => packet.ssrc === ssrc)
const isSilence = ({ payload }: SentRtp) => Buffer.compare(payload, OPUS_SILENCE) === 0

test('behind the last word some silence, then nothing; then numbers go on and time has passed', () => {
  const scene = new Scene({ audible: 1 })
  const voices = [new Voice(scene, 100), new Voice(scene, 101)]
  scene.subscriber(voices[0]!.peer, [sendAudio(10)])
  scene.subscriber(voices[1]!.peer, [sendAudio(20)])
  talk(scene, voices, 1000, 30, 127)
  const before = sentTo(scene.io.takeRtp(), 10)
  assert.equal(before.length, 50)
  assert.deepEqual([voices[0]!.audible, voices[1]!.audible], [true, false])

  talk(scene, voices, 2000, 127, 30)
  const turn = scene.io.takeRtp()
  const fading = sentTo(turn, 10)
  const silent = fading.filter(isSilence)
  assert.equal(silent.length, 3)
  assert.ok(fading.slice(-3).every(isSilence), 'at the end')
  assert.deepEqual([...elementOf(silent[0]!.extension, 5)!], [0x80 | 127], 'extensions are those of the packet')
  assert.equal(silent[0]!.pt, 109)
  const first = sentTo(turn, 20)[0]!
  assert.equal(first.marker, true, 'a talk spurt begins')
  assert.deepEqual(first.payload, SOUND)

  talk(scene, voices, 2000, 30, 127)
  const again = sentTo(scene.io.takeRtp(), 10)
  const all = [...before, ...fading, ...again]
  for (const [i, packet] of all.entries()) assert.equal(packet.extSeq, all[0]!.extSeq + i, 'no number is missing')
  assert.equal(again[0]!.marker, true)
  assert.equal(again[1]!.marker, false)
  // Sent timestamp − wall time is one number, paused or not.
  const last = all.at(-1)!
  assert.equal((last.timestamp - all[0]!.timestamp) >>> 0, (1000 + 2000 + 2000 - 20) * 48)
  assert.ok(scene.router.totals.drop_inaudible > 100)
})

test('ten speak, the three loudest are heard by everybody', () => {
  const scene = new Scene({ audible: 3 })
  const voices = Array.from({ length: 10 }, (_, i) => new Voice(scene, 100 + i))
  for (const [i, { peer }] of voices.entries()) scene.subscriber(peer, [sendAudio(1000 + i)])
  talk(scene, voices, 6000, 60, 55, 20, 50, 22, 48, 58, 24, 52, 56)
  assert.deepEqual(
    voices.flatMap(({ audible }, i) => (audible ? [i] : [])),
    [2, 4, 7],
  )
  scene.io.takeRtp()
  talk(scene, voices, 1000, 60, 55, 20, 50, 22, 48, 58, 24, 52, 56)
  const heard = new Set(scene.io.takeRtp().map(({ ssrc }) => ssrc))
  assert.deepEqual([...heard].sort(), [1002, 1004, 1007])
})

test('rooms are ranked each for itself, and who moves takes no place along', () => {
  const scene = new Scene({ audible: 1 })
  const [a, b, c] = [new Voice(scene, 100, 'x'), new Voice(scene, 101, 'y'), new Voice(scene, 102, 'x')]
  talk(scene, [a!, b!, c!], 1000, 30, 30, 127)
  assert.deepEqual([a!.audible, b!.audible, c!.audible], [true, true, false])
  scene.router.place(100, 'y')
  talk(scene, [a!, b!, c!], 100, 127, 30, 127)
  assert.deepEqual([a!.audible, b!.audible, c!.audible], [false, true, true])
  scene.router.closePeer(101, scene.nowMs)
  talk(scene, [a!], 20, 127)
  assert.equal(a!.audible, true)
})

test('RED becomes plain silence; DTX frames are sent as they are; without levels, who sends sound counts as speaking low', () => {
  const scene = new Scene({ audible: 1 })
  const voices = [new Voice(scene, 100), new Voice(scene, 101)]
  scene.subscriber(voices[0]!.peer, [sendAudio(10)])
  const red = Uint8Array.of(111, ...SOUND)
  const dtx = Uint8Array.of(0x78)
  for (let i = 0; i < 50; i++, scene.advance(20)) voices[0]!.say(30, 63, red)
  assert.equal(sentTo(scene.io.takeRtp(), 10).at(-1)!.pt, 110)
  for (let i = 0; i < 40; i++, scene.advance(20)) voices[0]!.say(127, 111, dtx)
  assert.deepEqual(sentTo(scene.io.takeRtp(), 10).at(-1)!.payload, dtx)
  for (let i = 0; i < 10; i++, scene.advance(20)) {
    voices[0]!.say(127, 63, red)
    voices[1]!.say(undefined)
  }
  assert.deepEqual([voices[0]!.audible, voices[1]!.audible], [false, true])
  const [packet] = sentTo(scene.io.takeRtp(), 10).filter(isSilence)
  assert.equal(packet!.pt, 109, 'opus')
  for (let i = 0; i < 100; i++, scene.advance(20)) {
    voices[0]!.say(30)
    voices[1]!.say(undefined)
  }
  for (let i = 0; i < 30; i++, scene.advance(20)) voices[0]!.say(30)
  assert.deepEqual([voices[0]!.audible, voices[1]!.audible], [true, false])
})

test('without a limit nothing is ranked', () => {
  const scene = new Scene()
  const voices = [new Voice(scene, 100), new Voice(scene, 101)]
  scene.subscriber(voices[1]!.peer, [sendAudio(20)])
  talk(scene, voices, 100, 20, 127)
  assert.equal(scene.io.takeRtp().length, 5)
  assert.equal(voices[1]!.audible, undefined)
})

test('a spread room is told about five times a second, and rarely when nobody speaks', () => {
  const scene = new Scene({ audible: 2 })
  const voices = [new Voice(scene, 100), new Voice(scene, 101), new Voice(scene, 102)]
  talk(scene, voices, 1000, 30, 30, 127)
  assert.equal(scene.told.length, 0, 'not spread')
  scene.router.spread('room', true, scene.nowMs)
  talk(scene, voices, 2000, 30, 30, 127)
  assert.ok(scene.told.length >= 9 && scene.told.length <= 11, `${scene.told.length}`)
  assert.deepEqual(
    scene.told.at(-1)!.speakers.map(({ id }) => id),
    ['100/0', '101/0'],
  )
  talk(scene, voices, 2000, 127, 127, 127)
  scene.told.length = 0
  talk(scene, voices, 5000, 127, 127, 127)
  assert.ok(scene.told.length <= 6, `${scene.told.length}`)
  scene.router.elsewhere(scene.nowMs, 1, [{ room: 'room', speakers: [{ id: '900/0', loudness: 100, quietMs: 0 }] }])
  assert.equal(voices.filter(({ audible }) => audible).length, 1, 'a place is taken elsewhere')
  scene.router.spread('room', false, scene.nowMs)
  scene.told.length = 0
  talk(scene, voices, 3000, 127, 30, 30)
  assert.equal(scene.told.length, 0)
  assert.deepEqual(
    voices.map(({ audible }) => audible),
    [false, true, true],
  )
})

test('a talk spurt begins with a marker, sent again or not; what another worker gets is what came', () => {
  const scene = new Scene({ audible: 1 })
  const voice = new Voice(scene, 100)
  const LINK = 900
  const link = new Link()
  link.renew(LINK)
  voice.peer.addRoute({ link, mirror: 7 })
  const subscriber = scene.subscriber(voice.peer, [sendAudio(10)])
  voice.say(30)
  const sent = scene.io.takeRtp()
  const [heard] = sentTo(sent, 10)
  const [passed] = sent.filter(({ transport }) => transport === LINK)
  assert.equal(heard!.marker, true)
  assert.equal(passed!.payload[1], 111, 'payload type without marker')
  const bytes = new Uint8Array(32)
  scene.rtcp(subscriber, bytes.subarray(0, writeNack(bytes, 0, 9, 10, Uint16Array.of(heard!.extSeq & 0xffff))))
  assert.deepEqual(scene.io.takeRtp(), [heard])
})

test('a worker on which nothing happened for long tells of a room no sooner than of others', () => {
  const scene = new Scene({ audible: 1 })
  scene.nowMs = 500_000
  scene.router.spread('room', true, scene.nowMs)
  assert.equal(scene.router.deadlineMs, scene.nowMs + 200)
})
