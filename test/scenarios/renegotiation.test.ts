/** Publishers that change what they send, and what viewers and the main process see of it. */
import assert from 'node:assert/strict'
import { scenario } from './stage/stage.js'

scenario(
  'data only, then a microphone, then a camera, another camera, and silence: viewers follow',
  { seeds: [1, 2] },
  (stage) => {
    const speaker = stage.publisher()
    const viewer = stage.viewer(speaker, { receivesData: true })
    stage.connect()
    const media = () => speaker.reported('media').map(({ media, receiving }) => `${media} ${receiving}`)
    speaker.say('only words')
    stage.run(500)
    assert.deepEqual(viewer.texts(), ['only words'])
    assert.deepEqual([viewer.packets, media()], [0, []])

    speaker.publish({ audio: true })
    viewer.subscribe()
    speaker.speak(400)
    stage.run(2000)
    assert.ok(viewer.sounds.length >= 99)
    assert.deepEqual(media(), ['audio true'])

    speaker.publish({ audio: true, video: true })
    viewer.subscribe()
    speaker.sendFrames(50)
    stage.run(2000)
    assert.deepEqual([viewer.video.frames.length, viewer.video.frames[0]!.frame], [50, 0])
    assert.deepEqual(media(), ['audio true', 'video true'])

    // replaceTrack: a new SSRC, and no description that says so.
    const beforeMs = stage.nowMs
    speaker.replaceVideoTrack(0xcafe_0001)
    speaker.sendFrames(50)
    stage.run(2000)
    const since = viewer.video.frames.filter(({ atMs }) => atMs > beforeMs)
    assert.ok(since[0]!.keyframe)
    assert.equal(since.length, 50)
    assert.deepEqual([viewer.video.missing, viewer.video.nacked, viewer.video.plis], [0, 0, 0])

    // The camera stays in the description and sends nothing: a track that is disabled.
    stage.run(3000)
    assert.deepEqual(media(), ['audio true', 'video true', 'video false', 'audio false'])
    speaker.sendFrames(25)
    stage.run(1000)
    assert.deepEqual(media().slice(4), ['video true'])
    assert.equal(viewer.video.frames.at(-1)!.frame, 124)

    // The m-line ends; the same one later begins again with the same SSRC towards the viewer.
    speaker.publish({ audio: true })
    viewer.subscribe()
    assert.deepEqual(media().slice(5), ['video false'])
    const ended = viewer.packets
    speaker.sendFrames(25)
    stage.run(1500)
    assert.equal(viewer.packets, ended)
    speaker.publish({ audio: true, video: true })
    viewer.subscribe()
    speaker.sendFrames(50)
    stage.run(3000)
    assert.equal(viewer.video.frames.at(-1)!.frame, 199)
    assert.ok(viewer.video.frames.at(-40)!.frame >= 150)
    assert.equal(viewer.video.missing, 0)
  },
)

scenario('sound and picture begin and pause again and again, and each change is reported once', {}, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  stage.viewer(speaker)
  stage.connect()
  for (let i = 0; i < 3; i++) {
    speaker.sendFrames(25)
    speaker.speak(50)
    stage.run(5000)
  }
  const said = speaker.reported('media')
  for (const kind of ['audio', 'video']) {
    const changes = said.filter(({ media }) => media === kind)
    assert.deepEqual(
      changes.map(({ receiving }) => receiving),
      [true, false, true, false, true, false],
    )
    for (const [i, { atMs, receiving }] of changes.entries()) {
      if (receiving) continue
      const silentMs = atMs - changes[i - 1]!.atMs - 1000
      assert.ok(silentMs > 900 && silentMs < 1300, `noticed after ${silentMs} ms`)
    }
  }
})

scenario('viewers that are there before their publisher get its stream when it comes', {}, (stage) => {
  const speaker = stage.publisher({ audio: true, video: true })
  const viewer = stage.viewer(speaker)
  stage.connect()
  speaker.sendFrames(50)
  stage.run(2500)
  const wrong = stage.publisher()
  stage.worker.command({ kind: 'follow', endpoint: viewer.id, publisher: 9999 })
  speaker.sendFrames(50)
  stage.run(2500)
  assert.equal(viewer.video.frames.length, 50)
  stage.worker.command({ kind: 'follow', endpoint: viewer.id, publisher: wrong.id })
  stage.worker.command({ kind: 'follow', endpoint: viewer.id, publisher: speaker.id })
  speaker.sendFrames(50)
  stage.run(2500)
  const since = viewer.video.frames.slice(50)
  assert.ok(since.length >= 48 && since[0]!.keyframe)
  assert.equal(viewer.video.missing, 0)
})

scenario('sender reports go on, and reach who comes late at once', { conditions: { delayMs: 10 } }, (stage) => {
  const speaker = stage.publisher({ audio: true })
  const first = stage.viewer(speaker)
  stage.connect()
  speaker.speak(500)
  stage.run(3300)
  const late = stage.viewer(speaker)
  stage.connect()
  const joinedMs = stage.nowMs
  stage.run(8000)
  assert.equal(first.senderReportsMs.length, 10)
  assert.ok(late.senderReportsMs[0]! - joinedMs <= 1100)
})
