/** Captures: exactly what passes, both ways, of one peer and only while it is asked for. */
import assert from 'node:assert/strict'
import { type Stage, scenario } from './stage/stage.js'

const options = { format: 'pcap', truncateBytes: 0, maxBytes: 1 << 30 } as const
const isRtcp = (bytes: Uint8Array) => bytes[1]! >= 192 && bytes[1]! <= 223

function answers(stage: Stage): unknown[] {
  return stage.worker.reports.flatMap(({ report }) => (report.kind === 'done' ? [report.value] : []))
}

function scene(stage: Stage) {
  const speaker = stage.publisher({ audio: true, video: true })
  const viewers = [stage.viewer(speaker), stage.viewer(speaker), stage.viewer(speaker)]
  stage.connect()
  return { speaker, viewer: viewers[1]!, viewers }
}

scenario(
  'what is captured of a viewer is what the viewer gets, byte by byte, repairs and reports included',
  { seeds: [1, 2], conditions: { delayMs: 20 } },
  (stage) => {
    const { speaker, viewer } = scene(stage)
    viewer.link({ loss: 0.05 })
    viewer.kept = []
    stage.worker.command({ kind: 'capture', ask: 1, endpoint: viewer.id, capture: { ...options, file: 'viewer' } })
    speaker.sendFrames(200)
    speaker.speak(200)
    stage.run(10_000)
    stage.worker.command({ kind: 'capture', ask: 2, endpoint: viewer.id, capture: null })
    const captured = stage.worker.captured.get('viewer')!
    const sent = captured.filter(({ incoming, bytes }) => !incoming && !isRtcp(bytes))
    const counts = new Map<string, number>()
    const key = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
    for (const { bytes } of sent) counts.set(key(bytes), (counts.get(key(bytes)) ?? 0) + 1)
    for (const bytes of viewer.kept) {
      const left = counts.get(key(bytes)) ?? 0
      assert.ok(left > 0, 'the viewer got nothing that was not captured')
      counts.set(key(bytes), left - 1)
    }
    const { totals } = stage.worker.counters
    assert.ok(totals.rtx_sent! > 0, 'there were repairs')
    const lost = sent.length - viewer.kept.length
    assert.ok(lost > 0 && lost < sent.length * 0.1, `${lost} of ${sent.length} lost on the way`)
    const reports = captured.filter(({ bytes }) => isRtcp(bytes))
    assert.ok(reports.some(({ incoming }) => incoming))
    assert.ok(reports.some(({ incoming }) => !incoming))
    assert.ok(!captured.some(({ incoming, bytes }) => incoming && !isRtcp(bytes)), 'a viewer sends no media')
    assert.deepEqual(answers(stage), ['started', 'stopped'])
  },
)

scenario('what is captured of a publisher is all that it sends', { conditions: { delayMs: 5 } }, (stage) => {
  const { speaker } = scene(stage)
  stage.worker.command({ kind: 'capture', endpoint: speaker.id, capture: { ...options, file: 'speaker' } })
  const before = stage.worker.counters.totals.received_packets!
  speaker.speak(100)
  stage.run(5000)
  const captured = stage.worker.captured.get('speaker')!
  const media = captured.filter(({ incoming, bytes }) => incoming && !isRtcp(bytes))
  assert.equal(media.length, 100)
  assert.equal(stage.worker.counters.totals.received_packets! - before, 100)
  assert.ok(!captured.some(({ incoming, bytes }) => !incoming && !isRtcp(bytes)), 'nothing is sent to it but reports')
})

scenario('a capture ends when it is told to, with its peer, and does not touch others', {}, (stage) => {
  const { speaker, viewer, viewers } = scene(stage)
  const start = (file: string, endpoint = viewer.id) =>
    stage.worker.command({ kind: 'capture', ask: 1, endpoint, capture: { ...options, file } })
  start('one')
  start('two')
  stage.worker.command({ kind: 'capture', ask: 2, endpoint: viewers[0]!.id, capture: null })
  speaker.speak(10)
  stage.run(1000)
  stage.worker.command({ kind: 'capture', ask: 3, endpoint: viewer.id, capture: null })
  const count = stage.worker.captured.get('one')!.length
  assert.ok(count >= 10)
  assert.ok(!stage.worker.captured.has('two'))
  start('three')
  assert.equal(stage.worker.counters.live.captures, 1)
  viewer.leave()
  stage.run(1000)
  assert.equal(stage.worker.counters.live.captures, 0)
  speaker.speak(10)
  stage.run(1000)
  assert.equal(stage.worker.captured.get('one')!.length, count)
  start('four', 4711)
  assert.deepEqual(answers(stage), ['started', 'already started', 'not started', 'stopped', 'started', undefined])
})
