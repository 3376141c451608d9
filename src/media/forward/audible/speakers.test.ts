import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Loudness, SPEECH_LOUDNESS } from './loudness.js'
import { Speaker, Speakers } from './speakers.js'

const PACKET_MS = 20

/** A room in virtual time whose speakers send 20 ms packets, each with a level of its own. */
class Talk {
  readonly speakers: Speaker[]
  readonly room: Speakers
  nowMs = 0
  /** Times that anybody's `audible` changed. */
  changes = 0

  constructor(count: number, places: number) {
    this.room = new Speakers(places)
    this.speakers = Array.from({ length: count }, (_, i) => new Speaker(`s${i}`))
    for (const speaker of this.speakers) this.room.add(speaker)
  }

  /** @param levels −dBov by speaker; undefined = sends nothing (DTX); negative = not a voice */
  run(ms: number, ...levels: (number | undefined)[]): this {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += PACKET_MS) {
      const before = this.audible.join()
      for (const [i, speaker] of this.speakers.entries()) {
        const level = levels[i]
        if (level !== undefined) this.room.heard(speaker, this.nowMs, Math.abs(level), level >= 0)
      }
      if (this.audible.join() !== before) this.changes++
    }
    return this
  }

  get audible(): number[] {
    return this.speakers.flatMap(({ audible }, i) => (audible ? [i] : []))
  }
}

test('loudness rises within three packets and falls within half a second', () => {
  const loudness = new Loudness()
  for (let ms = 0; ms < 60; ms += 20) loudness.add(ms, 30, true)
  assert.ok(loudness.at(60) > SPEECH_LOUDNESS, `${loudness.at(60)}`)
  for (let ms = 60; ms < 1000; ms += 20) loudness.add(ms, 30, true)
  assert.ok(Math.abs(loudness.at(1000) - 97) < 1)
  for (let ms = 1000; ms < 1300; ms += 20) loudness.add(ms, 127, true)
  const paused = loudness.at(1300)
  assert.ok(paused > 97 * 0.5 && paused < 97 * 0.6, `${paused}`)
  assert.ok(loudness.at(3000) < 5, 'nothing comes: silence')
  const keys = new Loudness()
  for (let ms = 0; ms < 1000; ms += 20) keys.add(ms, 45, false)
  assert.ok(Math.abs(keys.at(1000) - 67) < 1, 'no voice counts for less')
})

test('who is audible', () => {
  const table: [what: string, talk: Talk, audible: number[]][] = [
    ['as many as places: all, also the silent', new Talk(3, 3).run(1000, 127, 127, 30), [0, 1, 2]],
    ['all silent: who came first', new Talk(4, 2).run(1000, 127, 127, 127, 127), [0, 1]],
    ['one speaks: at once', new Talk(4, 2).run(1000, 127, 127, 127, 127).run(60, 127, 127, 127, 30), [1, 3]],
    [
      'the longest pause goes first',
      new Talk(3, 2).run(1000, 30, 127, 127).run(1000, 127, 30, 127).run(500, 127, 127, 127).run(100, 127, 127, 30),
      [1, 2],
    ],
    ['all speak: the loudest, after a while', new Talk(4, 2).run(3000, 50, 45, 20, 25), [2, 3]],
    ['about as loud is not enough', new Talk(3, 2).run(5000, 30, 30, 27), [0, 1]],
    ['a pause between words is no end', new Talk(2, 1).run(1000, 30, 127).run(200, 127, 31), [0]],
    ['keyboards lose to voices', new Talk(2, 1).run(3000, -40, 45).run(3000, -40, 45), [1]],
    [
      'who stops sending is replaced',
      new Talk(2, 1).run(1000, 30, undefined).run(600, undefined, undefined).run(100, undefined, 40),
      [1],
    ],
  ]
  for (const [what, talk, audible] of table) assert.deepEqual(talk.audible, audible, what)
})

test('no flapping: two who are as loud as each other, three who take turns, noise', () => {
  const level = (seed: number) => 25 + ((seed * 7919) % 13)
  const equal = new Talk(3, 2).run(1000, 30, 30, 127)
  equal.changes = 0
  for (let i = 0; i < 500; i++) equal.run(PACKET_MS, level(i), level(i + 3), level(i + 5))
  assert.equal(equal.changes, 0)
  const turns = new Talk(3, 2).run(1000, 30, 30, 127)
  turns.changes = 0
  for (let turn = 0; turn < 12; turn++) turns.run(1500, ...[0, 1, 2].map((i) => (i === turn % 3 ? 30 : 127)))
  assert.ok(turns.changes <= 12, `${turns.changes} changes in 12 turns`)
  const noise = new Talk(3, 2).run(1000, 30, 30, 127)
  noise.changes = 0
  for (let i = 0; i < 500; i++) noise.run(PACKET_MS, 30, 30, i % 10 === 0 ? 5 : 127)
  assert.equal(noise.changes, 0, 'a click now and then is no speech')
})

test('who leaves gives the place to the next who sends', () => {
  const talk = new Talk(3, 2).run(1000, 30, 30, 127)
  talk.room.remove(talk.speakers[0]!)
  assert.equal(talk.speakers[0]!.audible, false)
  assert.equal(talk.room.size, 2)
  talk.run(20, undefined, undefined, 127)
  assert.deepEqual(talk.audible, [1, 2])
})

/** Two workers that tell each other every 200 ms, `delayMs` late. */
function twoWorkers(
  places: number,
  a: Talk,
  b: Talk,
  ms: number,
  levelsA: number[],
  levelsB: number[],
  delayMs = 40,
): number {
  let most = 0
  const later: { atMs: number; say: () => void }[] = []
  for (const endMs = a.nowMs + ms; a.nowMs < endMs; ) {
    const { nowMs } = a
    if (nowMs % 200 === 0) {
      const toldA = a.room.told(nowMs)
      const toldB = b.room.told(nowMs)
      assert.ok(toldA.length <= places && toldB.length <= places, 'bounded')
      later.push({ atMs: nowMs + delayMs, say: () => b.room.others(0, toldA, nowMs + delayMs) })
      later.push({ atMs: nowMs + delayMs, say: () => a.room.others(1, toldB, nowMs + delayMs) })
    }
    while (later.length > 0 && later[0]!.atMs <= nowMs) later.shift()!.say()
    a.run(PACKET_MS, ...levelsA)
    b.run(PACKET_MS, ...levelsB)
    most = Math.max(most, a.audible.length + b.audible.length)
  }
  return most
}

test('a room on two workers has the places of one', () => {
  const worker = (name: string) => {
    const talk = new Talk(0, 3)
    for (let i = 0; i < 4; i++) {
      const speaker = new Speaker(`${name}${i}`)
      talk.speakers.push(speaker)
      talk.room.add(speaker)
    }
    return talk
  }
  const a = worker('a')
  const b = worker('b')
  const silent = [127, 127, 127, 127]
  twoWorkers(3, a, b, 2000, silent, silent)
  assert.equal(a.audible.length + b.audible.length, 3)
  twoWorkers(3, a, b, 2000, [127, 127, 127, 30], silent)
  twoWorkers(3, a, b, 3000, [127, 127, 127, 30], [127, 127, 30, 30])
  assert.deepEqual([a.audible, b.audible], [[3], [2, 3]])
  const most = twoWorkers(3, a, b, 6000, [20, 127, 127, 30], [127, 127, 45, 30])
  assert.deepEqual([a.audible, b.audible], [[0, 3], [3]])
  assert.equal(most, 4, 'one more for a moment, until the other worker has heard')
  a.room.alone()
  twoWorkers(3, a, worker('c'), 100, [20, 20, 20, 20], silent)
  assert.ok(a.audible.length >= 2)
})

test('a worker that is not heard of any more has no places', () => {
  const talk = new Talk(2, 2)
  talk.room.others(
    7,
    [
      { id: 'x', loudness: 100, quietMs: 0 },
      { id: 'y', loudness: 100, quietMs: 0 },
      { id: 'z', loudness: 9, quietMs: 0 },
    ],
    0,
  )
  talk.run(1000, 60, 60)
  assert.deepEqual(talk.audible, [])
  talk.nowMs = 3100
  talk.run(40, 127, 127)
  assert.deepEqual(talk.audible, [0, 1])
})
