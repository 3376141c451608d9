/** Who comes late, and who comes all at once. */
import assert from 'node:assert/strict'
import { scenario } from './stage/stage.js'

scenario('who comes late begins at a keyframe', { seeds: [1, 2, 3, 4, 5], conditions: { delayMs: 40 } }, (stage) => {
  const speaker = stage.publisher({ video: true })
  const first = stage.viewer(speaker)
  stage.connect()
  speaker.sendFrames(300)
  stage.run(5000 + (stage.net.random() % 1000))
  const late = stage.viewer(speaker)
  stage.connect()
  const connectedMs = stage.nowMs
  stage.run(10_000)
  const begin = late.video.frames[0]!
  assert.ok(begin.keyframe)
  // A request and the picture: one round trip each to publisher and viewer, one frame, and what the throttle may add.
  assert.ok(begin.atMs - connectedMs <= 160 + 40 + 500, `after ${begin.atMs - connectedMs} ms`)
  assert.deepEqual(
    late.video.frames.map(({ frame }) => frame),
    Array.from({ length: 300 - begin.frame }, (_, i) => begin.frame + i),
  )
  assert.equal(first.video.frames.length, 300, 'who was there sees no interruption')
  assert.deepEqual([late.video.missing, late.video.nacked], [0, 0])
})

scenario('H-61 300 viewers who ask at once: two requests a second, and every one gets a picture', {}, (stage) => {
  const speaker = stage.publisher({ video: true, packetsPerFrame: 1 })
  const viewers = Array.from({ length: 300 }, () => stage.viewer(speaker))
  stage.connect()
  speaker.sendFrames(60, { fps: 10 })
  stage.run(2000)
  const askedMs = stage.nowMs
  for (let i = 0; i < 4; i++) {
    for (const viewer of viewers) stage.net.schedule(askedMs + i * 333, () => viewer.video.askForKeyframe())
  }
  stage.run(5000)
  for (const viewer of viewers) {
    assert.deepEqual(
      viewer.video.frames.map(({ frame }) => frame),
      Array.from({ length: 60 }, (_, i) => i),
    )
    assert.ok(viewer.video.frames.some(({ atMs, keyframe }) => keyframe && atMs > askedMs && atMs < askedMs + 700))
  }
  const requests = speaker.keyframeRequestsMs
  assert.ok(requests.length >= 3 && requests.length <= 6, `${requests.length} requests`)
  for (const [i, atMs] of requests.entries()) {
    if (i > 0) assert.ok(atMs - requests[i - 1]! >= 499, `${atMs - requests[i - 1]!} ms between requests`)
  }
  assert.equal(stage.worker.counters.totals.pli_received, 1200)
})

scenario(
  '300 viewers who join at once all begin at a keyframe',
  { conditions: { delayMs: 30, loss: 0.01 } },
  (stage) => {
    const speaker = stage.publisher({ video: true, packetsPerFrame: 1 })
    stage.connect()
    speaker.sendFrames(150, { fps: 10 })
    stage.run(1000)
    const viewers = Array.from({ length: 300 }, () => stage.viewer(speaker))
    const joinedMs = stage.nowMs
    stage.connect()
    const connectedMs = stage.nowMs
    stage.run(15_000)
    for (const { video } of viewers) {
      assert.ok(video.frames[0]!.keyframe)
      assert.ok(video.frames[0]!.atMs < connectedMs + 1500)
      assert.ok(video.frames.at(-1)!.frame >= 148)
    }
    const requests = speaker.keyframeRequestsMs.filter((atMs) => atMs >= joinedMs)
    const seconds = (stage.nowMs - joinedMs) / 1000
    assert.ok(requests.length <= 2 * seconds + 1, `${requests.length} requests in ${seconds} s`)
  },
)

scenario('a keyframe request that gets lost is repeated', { seeds: [1, 2, 3] }, (stage) => {
  const speaker = stage.publisher({ video: true })
  stage.connect()
  speaker.sendFrames(250)
  stage.run(1000)
  stage.net.link(stage.worker.address.ip, speaker.peer.address.ip, { loss: 0.7 })
  const viewer = stage.viewer(speaker)
  stage.connect()
  const connectedMs = stage.nowMs
  stage.run(8000)
  assert.ok(viewer.video.frames[0]!.atMs - connectedMs < 6000)
  assert.ok(viewer.video.frames[0]!.keyframe)
})
