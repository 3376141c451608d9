/** Bugs of ours, the end of a worker, and what a worker does when nothing happens. */
import assert from 'node:assert/strict'
import { refuseRows } from '../../src/media/forward/testing/refusing-io.js'
import type { MediaIo } from '../../src/media/io/io.js'
import { type Stage, scenario } from './stage/stage.js'

/** Ids of the transports of endpoints that are opened from now on, in that order. */
const recordTransports = (stage: Stage): number[] => {
  const ids: number[] = []
  const { io } = stage.worker.media
  const allocate = io.allocate.bind(io)
  io.allocate = () => {
    const id = allocate()
    ids.push(id)
    return id
  }
  return ids
}

/** Makes one method of the io fail when it is called for one transport. */
function breakFor(io: MediaIo, method: 'select' | 'rtcp' | 'sctpSend', transport: number): void {
  const original = io[method].bind(io) as (...args: unknown[]) => boolean
  Object.assign(io, {
    [method]: (...args: unknown[]) => {
      if (args[0] === transport) throw new Error('made up')
      return original(...args)
    },
  })
}

const bugs = { expectsBugs: true }

scenario('a bug in the first check of an endpoint ends that endpoint only', bugs, (stage) => {
  const transports = recordTransports(stage)
  const speaker = stage.publisher({ audio: true })
  const viewer = stage.viewer(speaker)
  const unlucky = stage.viewer(speaker)
  breakFor(stage.worker.media.io, 'select', transports[2]!)
  stage.runUntil(() => speaker.connected && viewer.connected)
  speaker.speak(100)
  stage.run(10_000)
  assert.equal(viewer.sounds.length, 100)
  assert.equal(stage.worker.bugs.length, 1)
  assert.match(stage.worker.bugs[0]!, /made up/)
  assert.deepEqual(unlucky.reported('bug').length, 1)
  assert.deepEqual(
    unlucky.reported('closed').map(({ reason }) => reason),
    ['Internal error'],
  )
  assert.deepEqual([stage.worker.counters.live.endpoints, stage.worker.counters.totals.bugs], [2, 1])
})

scenario('a bug in the association of a receiver ends the receiver, not who speaks', bugs, (stage) => {
  const transports = recordTransports(stage)
  const speaker = stage.publisher()
  const listener = stage.publisher()
  const unlucky = stage.publisher()
  stage.connect()
  speaker.say('one')
  stage.run(200)
  breakFor(stage.worker.media.io, 'sctpSend', transports[2]!)
  speaker.say('two')
  speaker.say('three')
  stage.run(5000)
  assert.deepEqual([listener.texts(), unlucky.texts()], [['one', 'two', 'three'], ['one']])
  assert.deepEqual(stage.worker.bugs.length, 1)
  assert.deepEqual(
    unlucky.reported('closed').map(({ reason }) => reason),
    ['Internal error'],
  )
  assert.deepEqual([speaker.reported('closed'), listener.reported('closed')], [[], []])
})

scenario('a bug in what is due for a publisher ends that publisher, and others get their reports', bugs, (stage) => {
  const transports = recordTransports(stage)
  const speakers = [stage.publisher({ video: true }), stage.publisher({ video: true })]
  const viewers = speakers.map((speaker) => stage.viewer(speaker))
  stage.connect()
  breakFor(stage.worker.media.io, 'rtcp', transports[0]!)
  for (const speaker of speakers) speaker.sendFrames(100)
  stage.run(8000)
  assert.ok(viewers[1]!.video.frames.length >= 98)
  assert.deepEqual(
    speakers[0]!.reported('closed').map(({ reason }) => reason),
    ['Internal error'],
  )
  assert.deepEqual(speakers[1]!.reported('closed'), [])
  assert.equal(stage.worker.bugs.length, 1)
  assert.equal(stage.worker.counters.live.endpoints, 3)
})

scenario('a row that the io refuses ends the viewer that it was for; nobody else loses a picture', bugs, (stage) => {
  const transports = recordTransports(stage)
  const speaker = stage.publisher({ audio: true, video: true })
  const other = stage.publisher({ video: true })
  const viewers = [stage.viewer(speaker), stage.viewer(speaker), stage.viewer(speaker), stage.viewer(other)]
  stage.connect()
  for (const publisher of [speaker, other]) publisher.sendFrames(100)
  stage.run(1000)
  refuseRows(stage.worker.media.io, transports[3]!)
  stage.run(8000)
  const [first, unlucky, last, elsewhere] = viewers
  for (const viewer of [first, last, elsewhere]) {
    assert.equal(viewer!.video.frames.length, 100)
    assert.deepEqual(viewer!.reported('closed'), [])
  }
  assert.deepEqual(
    unlucky!.reported('closed').map(({ reason }) => reason),
    ['Internal error'],
  )
  assert.deepEqual([speaker.reported('closed'), other.reported('closed')], [[], []])
  assert.deepEqual([stage.worker.bugs.length, stage.worker.counters.live.endpoints], [1, 5])
})

scenario(
  'close in the middle of a call leaves nothing alive and nothing pending',
  { conditions: { loss: 0.05 } },
  async (stage) => {
    const speakers = Array.from({ length: 5 }, () => stage.publisher({ audio: true, video: true }))
    for (const speaker of speakers) for (const other of speakers) if (other !== speaker) stage.viewer(other)
    stage.connect()
    for (const speaker of speakers) {
      speaker.sendFrames(100)
      speaker.speak(200)
      for (let i = 0; i < 100; i++) stage.net.schedule(stage.nowMs + i * 20, () => speaker.say(`${i}`.repeat(500)))
    }
    stage.run(1010)
    assert.equal(stage.worker.counters.live.endpoints, 25)
    const { wakes } = stage.worker
    await stage.worker.media.close()
    const sent = stage.worker.counters.totals.tx_packets
    stage.run(60_000)
    const { live, totals } = stage.worker.counters
    assert.deepEqual(
      Object.values(live),
      Object.values(live).map(() => 0),
    )
    assert.deepEqual([stage.worker.wakes, totals.tx_packets], [wakes, sent])
    await stage.worker.media.close()
  },
)

scenario('endpoints closed one by one leave nothing', {}, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  const viewers = Array.from({ length: 20 }, () => stage.viewer(speaker))
  stage.connect()
  speaker.sendFrames(50)
  stage.run(1000)
  for (const viewer of viewers.slice(0, 10)) stage.worker.command({ kind: 'close', endpoint: viewer.id })
  stage.run(300)
  assert.deepEqual([stage.worker.counters.live.endpoints, stage.worker.counters.live.subscriptions], [11, 20])
  stage.worker.command({ kind: 'close', endpoint: speaker.id })
  for (const viewer of viewers) stage.worker.command({ kind: 'close', endpoint: viewer.id })
  const { live } = stage.worker.counters
  assert.deepEqual(
    Object.entries(live).filter(([, count]) => count !== 0),
    [],
  )
  assert.equal(stage.worker.reports.filter(({ report }) => report.kind === 'closed').length, 0, 'close is not reported')
})

scenario('ten idle peers: the timer rings a few times a minute', {}, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  for (let i = 0; i < 8; i++) stage.viewer(speaker)
  const talker = stage.publisher()
  stage.connect()
  speaker.sendFrames(50)
  speaker.say('once')
  talker.say('once too')
  stage.run(30_000)
  const { wakes } = stage.worker
  const sent = stage.worker.counters.totals.tx_packets!
  stage.run(60_000)
  assert.ok(stage.worker.wakes - wakes <= 30, `${stage.worker.wakes - wakes} wakes in a minute`)
  // Ten peers check every 2.5 s and are answered; a little more for the associations.
  assert.ok(stage.worker.counters.totals.tx_packets! - sent < 10 * 25 + 100)
  assert.equal(stage.worker.counters.live.endpoints, 10)
})

scenario(
  'one publisher of 25 frames a second: a few wake-ups for each frame at most',
  { conditions: { loss: 0.02, delayMs: 10 } },
  (stage) => {
    const speaker = stage.publisher({ audio: true, video: true })
    stage.viewer(speaker)
    stage.connect()
    const { wakes } = stage.worker
    speaker.sendFrames(500)
    speaker.speak(1000)
    stage.run(20_000)
    assert.ok(stage.worker.wakes - wakes < 1500, `${stage.worker.wakes - wakes} wakes in 20 s`)
  },
)
