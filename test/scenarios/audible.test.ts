/** Rooms where only the loudest are forwarded (`--audible`), on one worker and spread over two. */
import assert from 'node:assert/strict'
import type { EndpointInfo } from '../../src/media/control.js'
import type { Publisher } from './stage/publisher.js'
import { scenario } from './stage/stage.js'

const PLACES = 3

/** Whether the worker forwards the sound of `speaker` at present. */
function isAudible(speaker: Publisher): boolean {
  const ask = 1_000_000 + speaker.id
  speaker.command({ kind: 'inspect', endpoint: speaker.id, ask })
  const answers = speaker.worker.reports.flatMap(({ report }) =>
    report.kind === 'done' && report.ask === ask ? [report] : [],
  )
  return (answers.at(-1)!.value as EndpointInfo).inbound[0]!.audible!
}

for (const workers of [1, 2]) {
  const options = { workers, seeds: [1, 2], limits: { audible: PLACES }, relayDelayMs: 30, conditions: { delayMs: 20 } }
  scenario(`ten people take turns, three are heard, on ${workers} worker(s)`, options, (stage) => {
    const speakers = Array.from({ length: 10 }, (_, i) =>
      stage.publisher({ audio: true, user: `user ${i}`, worker: i % workers }),
    )
    const viewers = speakers.map((speaker, i) => stage.viewer(speaker, { user: `viewer ${i}`, worker: i % workers }))
    if (workers > 1)
      for (const worker of stage.workers) worker.command({ kind: 'spread', room: 'hall', elsewhere: true })
    stage.connect()
    for (let turn = 0; turn < 10; turn++) {
      const speaking = [0, 3, 6].map((i) => (i + turn * 3) % 10)
      const before = viewers.map(({ sounds }) => sounds.length)
      for (const i of speaking) speakers[i]!.speak(150)
      stage.run(2000)
      assert.deepEqual(
        speakers.flatMap((speaker, i) => (isAudible(speaker) ? [i] : [])),
        speaking.toSorted((a, b) => a - b),
        `turn ${turn}`,
      )
      stage.run(1800)
      const heard = viewers.map(({ sounds }, i) => sounds.length - before[i]!)
      // Three seconds of speech: what is missing is its beginning, until another worker has heard of it.
      for (const i of speaking) assert.ok(heard[i]! >= 135, `turn ${turn}, ${i}: ${heard[i]}`)
      assert.equal(
        heard.reduce((sum, count) => sum + count, 0),
        speaking.reduce((sum, i) => sum + heard[i]!, 0),
      )
    }
    for (const { sounds } of viewers) {
      // Reordering and loss aside, numbers have no holes, however often the speaker was not heard.
      const numbers = sounds.map(({ extSeq }) => extSeq)
      assert.deepEqual(
        numbers,
        Array.from(numbers, (_, i) => numbers[0]! + i),
      )
    }
  })
}

scenario(
  'the fourth who speaks waits, and being blocked by others changes nothing',
  { limits: { audible: PLACES } },
  (stage) => {
    const speakers = Array.from({ length: 4 }, (_, i) => stage.publisher({ audio: true, user: `user ${i}` }))
    const viewers = speakers.map((speaker) => stage.viewer(speaker, { user: 'viewer' }))
    stage.connect()
    stage.block(speakers[0]!, viewers[0]!, true)
    for (const speaker of speakers) {
      speaker.speak(400)
      stage.run(100)
    }
    stage.run(4000)
    assert.deepEqual(speakers.map(isAudible), [true, true, true, false])
    assert.equal(viewers[0]!.sounds.length, 0, 'blocked')
    assert.ok(viewers[1]!.sounds.length > 190 && viewers[2]!.sounds.length > 190)
    stage.run(6000)
    assert.ok(viewers[3]!.sounds.length < 20, 'who is as loud as the others gets a place when they have ended')
  },
)
