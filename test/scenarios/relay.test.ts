/** A publisher on one worker whose viewers live on two: its packets cross once, and nobody can tell where they are. */
import assert from 'node:assert/strict'
import type { Publisher } from './stage/publisher.js'
import { type Stage, scenario } from './stage/stage.js'
import type { Viewer } from './stage/viewer.js'

const workers = 2

/** All frames from one of the first to the last one or the one before it, whose loss nothing shows. */
function assertWhole({ video }: Viewer, sent: number, latestFirst = 15): void {
  const begin = video.frames.findLastIndex(({ frame, keyframe }) => keyframe && frame <= latestFirst)
  const frames = video.frames.slice(Math.max(0, begin)).map(({ frame }) => frame)
  assert.ok(frames[0]! <= latestFirst, `begins with frame ${frames[0]}`)
  assert.deepEqual(
    frames,
    Array.from(frames, (_, i) => frames[0]! + i),
  )
  assert.ok(frames.at(-1)! >= sent - 2, `ends with frame ${frames.at(-1)} of ${sent}`)
  assert.equal(video.missing, 0)
}

/** Two viewers on the publisher's worker, three on the other one. */
function audience(stage: Stage, speaker: Publisher): Viewer[] {
  return [0, 0, 1, 1, 1].map((worker) => stage.viewer(speaker, { worker }))
}

/** A publisher of video and its audience, connected. */
function film(stage: Stage): { speaker: Publisher; viewers: Viewer[] } {
  const speaker = stage.publisher({ video: true })
  const viewers = audience(stage, speaker)
  stage.connect()
  return { speaker, viewers }
}

const totalsOf = (stage: Stage, worker: number) => stage.workers[worker]!.counters.totals
const liveOf = (stage: Stage, worker: number) => stage.workers[worker]!.counters.live

scenario('viewers on both workers get everything, and each packet crosses once', { workers }, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  const viewers = audience(stage, speaker)
  stage.connect()
  speaker.sendFrames(250)
  speaker.speak(500)
  stage.run(12_000)
  for (const viewer of viewers) {
    assertWhole(viewer, 250)
    assert.equal(viewer.sounds.length, 500)
    assert.ok(viewer.senderReportsMs.length >= 18, `${viewer.senderReportsMs.length} sender reports`)
  }
  const [home, away] = [totalsOf(stage, 0), totalsOf(stage, 1)]
  assert.equal(home.relay_sent, speaker.videoPackets + 500)
  assert.deepEqual([away.relay_received, away.relay_lost, away.drop_relay], [home.relay_sent, 0, 0])
  assert.deepEqual([away.received_packets, home.relay_received], [0, 0])
  assert.deepEqual([liveOf(stage, 0).mirrored, liveOf(stage, 1).mirrors], [1, 1])
})

scenario(
  'what the way between the workers loses is repaired there',
  { workers, seeds: [1, 2, 3], relay: { loss: 0.05 } },
  (stage) => {
    const { speaker, viewers } = film(stage)
    speaker.sendFrames(500)
    stage.run(22_000)
    for (const viewer of viewers) assertWhole(viewer, 500)
    assert.equal(speaker.nacked, 0, 'the publisher hears nothing of it')
    assert.ok(totalsOf(stage, 1).relay_lost! > 20)
    assert.ok(totalsOf(stage, 0).relay_repeated! > 20)
  },
)

const lossy = { loss: 0.05, delayMs: 20 }
scenario(
  'loss before, between and behind the workers',
  { workers, seeds: [1, 2, 3], conditions: lossy, relay: { loss: 0.02 } },
  (stage) => {
    const { speaker, viewers } = film(stage)
    speaker.sendFrames(500)
    stage.run(25_000)
    for (const viewer of viewers) assertWhole(viewer, 500)
    assert.ok(speaker.nacked > 0)
  },
)

scenario(
  'what is lost on a long way to the first worker is waited for on the other one',
  { workers, seeds: [1, 2, 3], relay: { loss: 0.05 } },
  (stage) => {
    const { speaker, viewers } = film(stage)
    speaker.link({ delayMs: 200 })
    stage.run(500)
    speaker.uplink({ loss: 0.05 })
    const beganMs = stage.nowMs
    speaker.sendFrames(500)
    stage.run(25_000)
    for (const viewer of viewers) assertWhole(viewer, 500, 60)
    const requestsMs = speaker.keyframeRequestsMs.filter((atMs) => atMs > beganMs + 3000)
    assert.deepEqual(requestsMs, [], 'nobody has given anything up')
  },
)

scenario('who comes late to the other worker gets a picture at once', { workers }, (stage) => {
  const speaker = stage.publisher({ video: true })
  stage.viewer(speaker)
  stage.connect()
  speaker.sendFrames(300)
  stage.run(4000)
  const asked = speaker.keyframeRequestsMs.length
  const late = stage.viewer(speaker, { worker: 1 })
  stage.connect()
  const connectedMs = stage.nowMs
  stage.runUntil(() => late.video.frames.length > 0)
  assert.ok(stage.nowMs - connectedMs < 600, `${stage.nowMs - connectedMs} ms`)
  assert.ok(speaker.keyframeRequestsMs.length > asked)
  stage.run(9000)
  assertWhole(late, 300, 300)
})

scenario('new numbers, another camera and other m-lines reach the other worker', { workers }, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const viewer = stage.viewer(speaker, { worker: 1 })
  stage.connect()
  speaker.speak(100)
  stage.run(3000)
  assert.equal(viewer.sounds.length, 100)
  speaker.publish({ audio: true, video: true })
  viewer.subscribe()
  speaker.sendFrames(100)
  stage.run(5000)
  assertWhole(viewer, 100)
  speaker.replaceVideoTrack(0xc000_0000)
  speaker.sendFrames(100)
  stage.run(6000)
  assertWhole(viewer, 200, 110)
  speaker.publish({ audio: true })
  const frames = viewer.video.frames.length
  speaker.sendFrames(50)
  speaker.speak(50)
  stage.run(3000)
  assert.deepEqual([viewer.video.frames.length, viewer.sounds.length], [frames, 150])
})

scenario('blocks hold across workers, and end there', { workers }, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const [blocked, other] = [stage.viewer(speaker, { worker: 1 }), stage.viewer(speaker, { worker: 1 })]
  stage.connect()
  stage.block(speaker, blocked!, true)
  speaker.speak(100)
  stage.run(2500)
  assert.deepEqual([blocked!.sounds.length, other!.sounds.length], [0, 100])
  stage.block(speaker, blocked!, false)
  speaker.speak(100)
  stage.run(2500)
  assert.deepEqual([blocked!.sounds.length, other!.sounds.length], [100, 200])
})

scenario('a mirror ends with its last viewer, and with its publisher', { workers }, (stage) => {
  const [ann, bob] = [stage.publisher({ audio: true }), stage.publisher({ audio: true })]
  const viewers = [ann, bob].map((speaker) => stage.viewer(speaker, { worker: 1 }))
  stage.connect()
  for (const speaker of [ann, bob]) speaker.speak(300)
  stage.run(2000)
  stage.mirrors.close(ann, stage.workers[1]!)
  const crossed = totalsOf(stage, 0).relay_sent!
  stage.run(1000)
  assert.equal(totalsOf(stage, 0).relay_sent! - crossed, 50, 'of one publisher only')
  assert.deepEqual([liveOf(stage, 0).mirrored, liveOf(stage, 1).mirrors], [1, 1])
  bob.leave()
  stage.run(1000)
  assert.equal(liveOf(stage, 0).mirrored, 0)
  stage.mirrors.close(bob, stage.workers[1]!)
  assert.equal(liveOf(stage, 1).mirrors, 0)
  assert.equal(totalsOf(stage, 1).drop_relay, 0)
  assert.ok(viewers.every(({ sounds }) => sounds.length > 90))
})

scenario('keys that change lose nothing', { workers, relay: { delayMs: 1 } }, (stage) => {
  const speaker = stage.publisher({ video: true })
  const viewer = stage.viewer(speaker, { worker: 1 })
  stage.connect()
  speaker.sendFrames(250)
  for (let i = 0; i < 5; i++) {
    stage.run(1937)
    stage.mirrors.link()
  }
  stage.run(3000)
  assertWhole(viewer, 250)
})

scenario(
  'packets that come while only one end has the new keys are repaired',
  { workers, relay: { delayMs: 1 } },
  (stage) => {
    const speaker = stage.publisher({ video: true })
    const viewer = stage.viewer(speaker, { worker: 1 })
    stage.connect()
    speaker.sendFrames(250)
    for (let i = 0; i < 5; i++) {
      stage.run(1937)
      stage.mirrors.link(() => stage.run(60))
    }
    stage.run(4000)
    assertWhole(viewer, 250)
    assert.ok(totalsOf(stage, 1).drop_srtp_auth! + totalsOf(stage, 0).drop_srtp_auth! > 0)
  },
)

scenario(
  'a mirror that cannot go on says so, loudly, and nothing else ends',
  { workers, expectsBugs: true },
  (stage) => {
    const [ann, bob] = [stage.publisher({ audio: true }), stage.publisher({ audio: true })]
    const viewers = [ann, bob].map((speaker) => stage.viewer(speaker, { worker: 1 }))
    stage.connect()
    const away = stage.workers[1]!
    const doomed = stage.mirrors.of(ann!, away)
    const streams = [null] as unknown as []
    away.command({ kind: 'setReceiveStreams', endpoint: doomed, streams })
    const told = away.reports.flatMap(({ report }) =>
      (report.kind === 'bug' || report.kind === 'closed') && report.endpoint === doomed ? [report.kind] : [],
    )
    assert.deepEqual(told, ['bug', 'closed'])
    assert.equal(liveOf(stage, 1).mirrors, 1)
    for (const speaker of [ann, bob]) speaker!.speak(50)
    stage.run(2000)
    assert.deepEqual(
      viewers.map(({ sounds }) => sounds.length),
      [0, 50],
    )
  },
)

scenario('a mirror that does not even open says so too', { workers, expectsBugs: true }, (stage) => {
  const viewer = stage.viewer(stage.publisher({ audio: true }), { worker: 1 })
  stage.connect()
  const away = stage.workers[1]!
  away.command({ kind: 'mirror', endpoint: viewer.id, from: 0 })
  assert.ok(away.reports.some(({ report }) => report.kind === 'closed' && report.endpoint === viewer.id))
})

scenario('a link that takes over the port of a worker that died replaces the one to that', { workers: 3 }, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const viewer = stage.viewer(speaker, { worker: 1 })
  stage.connect()
  const [home, away] = stage.workers
  const keys = Uint8Array.from({ length: 56 }, (_, i) => i)
  away!.command({ kind: 'link', worker: 2, port: home!.relayPort, keys })
  assert.deepEqual(away!.bugs, [])
  stage.mirrors.link()
  assert.deepEqual(away!.bugs, [])
  speaker.speak(50)
  stage.run(2000)
  assert.equal(viewer.sounds.length, 50)
})

scenario(
  'only the loudest are heard on the other worker too, without a hole in the numbers',
  { workers, limits: { audible: 1 } },
  (stage) => {
    const speakers = [0, 1, 2].map(() => stage.publisher({ audio: true }))
    const viewers = speakers.map((speaker) => [0, 1].map((worker) => stage.viewer(speaker, { worker })))
    stage.connect()
    for (let turn = 0; turn < 6; turn++) {
      speakers[turn % 3]!.speak(100)
      stage.run(3000)
    }
    for (const [here, there] of viewers) {
      assert.ok(here!.sounds.length >= 195, `${here!.sounds.length}`)
      assert.deepEqual(
        there!.sounds.map(({ frame }) => frame),
        here!.sounds.map(({ frame }) => frame),
      )
      const numbers = there!.sounds.map(({ extSeq }) => extSeq)
      assert.deepEqual(
        numbers,
        Array.from(numbers, (_, i) => numbers[0]! + i),
      )
    }
  },
)
