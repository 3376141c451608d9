/** Lossy networks: everything arrives all the same, or a keyframe repairs it. */
import assert from 'node:assert/strict'
import { scenario } from './stage/stage.js'
import type { Viewer } from './stage/viewer.js'

const seeds = [1, 2, 3, 4, 5]

/** Frames without a hole from one of the first to the last one or the one before it, whose loss nothing shows. */
function assertWhole({ video }: Viewer, sent: number, latestFirst: number): void {
  // What was lost before the keyframe that somebody's joining brings is not asked for for long.
  const begin = video.frames.findLastIndex(({ frame, keyframe }) => keyframe && frame <= latestFirst)
  const frames = video.frames.slice(Math.max(0, begin)).map(({ frame }) => frame)
  const first = frames[0]!
  assert.ok(first <= latestFirst, `begins with frame ${first}`)
  assert.deepEqual(
    frames,
    Array.from(frames, (_, i) => first + i),
  )
  assert.ok(frames.at(-1)! >= sent - 2, `ends with frame ${frames.at(-1)} of ${sent}`)
  assert.equal(video.missing, 0)
  assert.ok(video.jumps <= 1, `${video.jumps} keyframes jumped to`)
}

for (const loss of [0.05, 0.1]) {
  const conditions = { loss, delayMs: 20 }
  scenario(`${loss * 100} % lost both ways: RTX brings every frame`, { seeds, conditions }, (stage) => {
    const speaker = stage.publisher({ audio: true, video: true })
    const viewers = [stage.viewer(speaker), stage.viewer(speaker), stage.viewer(speaker)]
    stage.connect()
    speaker.sendFrames(500)
    speaker.speak(1000)
    stage.run(25_000)
    for (const viewer of viewers) {
      assertWhole(viewer, 500, 15)
      assert.ok(viewer.video.nacked > 0, 'something was lost')
      // Sound is not repaired, and what is lost twice on the way is about that much.
      const heard = viewer.sounds.length / 1000
      assert.ok(Math.abs(heard - (1 - loss) ** 2) < 0.06, `heard ${heard}`)
    }
    const { totals } = stage.worker.counters
    assert.ok(totals.rtx_sent! > 0 && totals.rtx_received! > 0 && totals.nack_sent! > 0)
  })
}

scenario(
  'without RTX packets are repeated as they were',
  { seeds, conditions: { loss: 0.05, delayMs: 20 } },
  (stage) => {
    const speaker = stage.publisher({ video: true })
    const viewer = stage.viewer(speaker, { rtx: false })
    stage.connect()
    speaker.sendFrames(500)
    stage.run(25_000)
    assertWhole(viewer, 500, 15)
    assert.ok(stage.worker.counters.totals.resent_packets! > 0)
  },
)

scenario('who cannot ask again gets a keyframe after a loss', { seeds: [1, 2, 3] }, (stage) => {
  const speaker = stage.publisher({ video: true })
  const viewer = stage.viewer(speaker, { nack: false })
  stage.connect()
  stage.net.link(stage.worker.address.ip, viewer.peer.address.ip, { loss: 0.02 })
  speaker.sendFrames(500)
  stage.run(25_000)
  assert.ok(speaker.keyframes.length > 2, 'keyframes repaired')
  assert.ok(viewer.video.frames.at(-1)!.frame >= 450, 'and the picture goes on to the end')
  assert.equal(stage.worker.counters.totals.rtx_sent, 0)
})

scenario('a link that breaks for five seconds ends in a picture, not in a burst of requests', { seeds }, (stage) => {
  const speaker = stage.publisher({ video: true })
  const viewer = stage.viewer(speaker)
  stage.connect()
  speaker.sendFrames(500)
  stage.run(5000)
  speaker.uplink({ loss: 1 })
  stage.run(5000)
  const asked = speaker.nacked
  speaker.uplink({ loss: 0 })
  const backMs = stage.nowMs
  stage.run(10_000)
  assert.ok(speaker.nacked - asked <= 256, `${speaker.nacked - asked} packets asked for`)
  const next = viewer.video.frames.find(({ atMs }) => atMs > backMs)!
  assert.ok(next.atMs - backMs < 3000, `a picture after ${next.atMs - backMs} ms`)
  assert.equal(viewer.video.frames.at(-1)!.frame, 499)
})

const disorder = { loss: 0.1, delayMs: 20, reorder: 0.1, reorderMs: 30 }

scenario('H-18 numbers from 65,530 on, with loss and reordering', { seeds, conditions: disorder }, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true, firstSeq: 65_530 })
  const viewer = stage.viewer(speaker)
  stage.connect()
  speaker.sendFrames(150)
  speaker.speak(300)
  stage.run(8000)
  assertWhole(viewer, 150, 40)
  assert.ok(viewer.sounds.length > 200)
  assert.equal(stage.worker.counters.totals.drop_srtp_auth, 0, 'no wrong rollover counter')
})

const fromBelow = {
  conditions: disorder,
  seeds: [1, 2],
  // Numbers towards viewers begin just below 2^15, so that they wrap within this call too.
  random: (random: () => number) => random() | 0x7f00,
}
scenario('H-18 across 65,536 both ways, with loss and reordering', fromBelow, (stage) => {
  const speaker = stage.publisher({ video: true, firstSeq: 65_530, packetsPerFrame: 40 })
  const viewer = stage.viewer(speaker)
  stage.connect()
  speaker.sendFrames(850)
  stage.run(40_000)
  assertWhole(viewer, 850, 40)
  assert.ok(Math.min(...viewer.video.extSeqs) < 0x8000 && Math.max(...viewer.video.extSeqs) > 0x10000)
  assert.equal(stage.worker.counters.totals.drop_srtp_auth, 0, 'no wrong rollover counter at the server')
  assert.equal(viewer.peer.drops.srtp_auth, undefined, 'nor at the viewer')
})

scenario('duplicates and replays reach nobody', { conditions: { duplicate: 0.3, delayMs: 5 } }, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  const viewer = stage.viewer(speaker)
  const sent: Parameters<typeof stage.net.send>[] = []
  const send = stage.net.send.bind(stage.net)
  stage.net.send = (from, to, datagram) => {
    if (from.ip === speaker.peer.address.ip) sent.push([from, to, datagram])
    send(from, to, datagram)
  }
  stage.connect()
  speaker.sendFrames(100)
  speaker.speak(200)
  stage.run(5000)
  assert.equal(viewer.video.frames.length, 100)
  assert.equal(viewer.sounds.length, 200)
  assert.equal(viewer.video.duplicates, 0)
  const before = viewer.packets
  const replays = () => stage.worker.counters.totals.drop_srtp_replay!
  const replayed = replays()
  assert.ok(replayed > 50)
  // Somebody recorded it all and sends it again, from there and from elsewhere.
  const media = sent.filter(([, , { kind }]) => kind === 'rtp' || kind === 'rtcp' || kind === 'data')
  for (const [from, to, datagram] of media) {
    send(from, to, datagram)
    send({ ip: '10.9.9.9', port: 9 }, to, datagram)
  }
  stage.run(1000)
  assert.equal(viewer.packets, before)
  assert.ok(replays() - replayed >= 500)
  assert.ok(stage.worker.counters.totals.drop_unknown_address! >= media.length)
})
