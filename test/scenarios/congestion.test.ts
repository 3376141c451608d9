/** Congestion control towards subscribers, with everything that is real but the network and the clock. */
import assert from 'node:assert/strict'
import type { EndpointInfo, FiguresPage } from '../../src/media/control.js'
import { LayeredPublisher } from './stage/layered.js'
import { NumberedViewer } from './stage/numbered-viewer.js'
import { scenario } from './stage/stage.js'

const layersOf = (arrivals: readonly { layer: number }[]) => new Set(arrivals.map(({ layer }) => layer))

for (const [delayMs, loss] of [
  [5, 0],
  [50, 0.02],
] as const) {
  scenario(`3 Mbit/s → 300 kbit/s → 3 Mbit/s, ${delayMs} ms, ${loss} lost`, {}, (stage) => {
    const publisher = new LayeredPublisher(stage)
    const viewer = new NumberedViewer(stage, publisher)
    viewer.link({ rateBps: 3_000_000, queueMs: 400, delayMs, loss })
    stage.connect()
    publisher.begin()
    const beginMs = stage.nowMs
    stage.run(6000)
    // The loss alone makes about one call in ten step down for some seconds: that one too has had the best layer before.
    const steadyMs = loss === 0 ? beginMs + 4000 : beginMs
    const best = layersOf(viewer.between(steadyMs, stage.nowMs))
    if (loss === 0) assert.deepEqual(best, new Set([2]), 'the best layer')
    else assert.ok(best.has(2), 'the best layer')
    const thinMs = stage.nowMs
    viewer.link({ rateBps: 300_000 })
    stage.run(10_000)
    const small = viewer.between(thinMs + 2000, stage.nowMs)
    assert.deepEqual(layersOf(small), new Set([0]), 'the small layer within 2 s')
    const shareBps = viewer.rateBps(thinMs + 2000, stage.nowMs)
    assert.ok(shareBps > 120_000, `${shareBps} bit/s of pictures`)
    const wideMs = stage.nowMs
    viewer.link({ rateBps: 3_000_000 })
    stage.run(10_000)
    const back = viewer.arrivals.find(({ atMs, layer }) => atMs > wideMs && layer === 2)
    assert.ok(back !== undefined && back.atMs < wideMs + 10_000, `back after ${(back?.atMs ?? 1e9) - wideMs} ms`)
    assert.ok(viewer.padding > 0, 'it was found out by probes')
    // Without loss every number comes: what waits and what is left out gets none.
    const numbers = new Set(viewer.arrivals.map(({ extSeq }) => extSeq))
    const first = viewer.arrivals[0]!.extSeq
    const before = viewer.between(beginMs, thinMs)
    if (loss === 0) assert.equal(new Set(before.map(({ extSeq }) => extSeq)).size, before.at(-1)!.extSeq - first + 1)
    assert.equal(numbers.size, viewer.arrivals.length, 'no number twice')
  })
}

scenario('a link that does not hold the smallest picture gets none, and the figures say why', {}, (stage) => {
  const publisher = new LayeredPublisher(stage)
  const viewer = new NumberedViewer(stage, publisher)
  viewer.link({ rateBps: 60_000, queueMs: 400 })
  stage.connect()
  publisher.begin()
  stage.run(8000)
  const rateBps = viewer.rateBps(stage.nowMs - 3000, stage.nowMs)
  assert.ok(rateBps < 40_000, `${rateBps}`)
  viewer.command({ kind: 'inspect', endpoint: viewer.id, ask: 4711 })
  const answer = viewer.worker.reports
    .map(({ report }) => report)
    .find((report) => report.kind === 'done' && report.ask === 4711)
  const info = (answer as { value: EndpointInfo }).value
  assert.equal(info.outbound[0]!.target, null)
  assert.equal(info.outbound[0]!.limit, 'paused')
  assert.equal(info.downlink.limited, true)
  assert.equal(info.downlink.transportCc, true)
  assert.ok(info.downlink.estimateBps < 100_000, `${info.downlink.estimateBps}`)
  viewer.command({ kind: 'figures', after: 0, ask: 4712 })
  const told = viewer.worker.reports.map(({ report }) => report).find((is) => is.kind === 'done' && is.ask === 4712)
  const { endpoints } = (told as { value: FiguresPage }).value
  assert.equal(endpoints.find(({ endpoint }) => endpoint === viewer.id)!.estimateBps, info.downlink.estimateBps)
  viewer.link({ rateBps: 3_000_000 })
  const wideMs = stage.nowMs
  stage.run(10_000)
  assert.ok(
    viewer.between(wideMs, stage.nowMs).some(({ layer }) => layer === 2),
    'all of it within 10 s',
  )
})

for (const lateMs of [0, 8000]) {
  scenario(`two subscribers behind one line share it, the second ${lateMs} ms later`, { seeds: [1, 2] }, (stage) => {
    const publisher = new LayeredPublisher(stage, { temporal: true, sound: true, variance: 0.5 })
    const viewers = [1, 2].map(() => new NumberedViewer(stage, publisher, { sound: true }))
    const directions = viewers.map((viewer) => [viewer.worker.address.ip, viewer.peer.address.ip] as const)
    stage.net.share(directions, { rateBps: 1_500_000, queueMs: 400, delayMs: 20 })
    stage.connect()
    if (lateMs > 0) viewers[1]!.prefer({ paused: true })
    publisher.begin()
    stage.run(lateMs)
    viewers[1]!.prefer({})
    stage.run(25_000)
    const rates = viewers.map((viewer) => viewer.rateBps(stage.nowMs - 15_000, stage.nowMs))
    // Jain's index: 1 = equal, 0.5 = one has all.
    const index = (rates[0]! + rates[1]!) ** 2 / (2 * (rates[0]! ** 2 + rates[1]! ** 2))
    assert.ok(index > 0.9, `${rates}: ${index}`)
    assert.ok(rates[0]! + rates[1]! > 600_000, `${rates} of 1,500,000`)
  })
}

scenario('connections of one user are one client: what one leaves the others get', {}, (stage) => {
  const publishers = [new LayeredPublisher(stage), new LayeredPublisher(stage)]
  const viewers = publishers.map(
    (publisher) => new NumberedViewer(stage, publisher, { user: 'ann', ip: '10.9.9.9', session: 7 }),
  )
  const [first] = viewers
  stage.net.link(first!.worker.address.ip, '10.9.9.9', { rateBps: 1_500_000, queueMs: 400, delayMs: 20 })
  stage.connect()
  for (const publisher of publishers) publisher.begin()
  stage.run(15_000)
  for (const viewer of viewers) {
    const share = viewer.between(stage.nowMs - 5000, stage.nowMs).filter(({ layer }) => layer === 1).length
    assert.ok(share > 50, `${share} packets of the middle layer`)
  }
  assert.equal(first!.worker.media.counters().live.links, 1)
})

scenario('who takes the user id of a neighbour behind one address does nothing to their link', {}, (stage) => {
  const publisher = new LayeredPublisher(stage)
  const same = { user: 'ann', ip: '10.9.9.9' }
  const ann = new NumberedViewer(stage, publisher, { ...same, session: 7 })
  const mallory = new NumberedViewer(stage, publisher, { ...same, session: 8, lies: true })
  stage.connect()
  publisher.begin()
  stage.run(10_000)
  assert.deepEqual(layersOf(ann.between(stage.nowMs - 5000, stage.nowMs)), new Set([2]))
  assert.ok(!layersOf(mallory.between(stage.nowMs - 5000, stage.nowMs)).has(2), 'half of it was lost, they say')
  assert.equal(ann.worker.media.counters().live.links, 2)
})

scenario(
  'a publisher is asked for the layers that somebody wants, and for all of them as soon as somebody does',
  {},
  (stage) => {
    const publisher = new LayeredPublisher(stage, { temporal: true, numbered: true })
    const viewer = new NumberedViewer(stage, publisher)
    const small = new NumberedViewer(stage, publisher)
    small.prefer({ maxHeight: 90 })
    stage.connect()
    publisher.begin()
    stage.run(8000)
    assert.equal(publisher.askedBps, 2_500_000)
    viewer.prefer({ maxHeight: 180 })
    stage.run(8000)
    const { askedBps } = publisher
    assert.ok(askedBps > 150_000 + 500_000 && askedBps < 1_200_000, `${askedBps} for two of three layers`)
    assert.deepEqual(layersOf(viewer.between(stage.nowMs - 1000, stage.nowMs)), new Set([1]))
    viewer.prefer({ maxHeight: 90 })
    stage.runUntil(() => publisher.askedBps < 400_000, 15_000)
    assert.ok(publisher.askedBps > 150_000, `${publisher.askedBps} for the small one`)
    viewer.prefer({})
    stage.runUntil(() => publisher.askedBps === 2_500_000, 1000)
    stage.run(1000)
    assert.deepEqual(layersOf(viewer.between(stage.nowMs - 500, stage.nowMs)), new Set([2]))
  },
)

scenario(
  'a worker that is busy now and then tells a publisher when packets arrived, not when it read them',
  { conditions: { delayMs: 20 } },
  (stage) => {
    const publisher = new LayeredPublisher(stage, { numbered: true })
    stage.connect()
    publisher.begin()
    for (let i = 0; i < 20; i++) {
      stage.net.stall(stage.worker.address.ip, 90)
      stage.run(150)
    }
    stage.run(500)
    const delaysMs = [...publisher.arrivedMs].map(([number, ms]) => ms - publisher.numberedMs.get(number)!)
    assert.ok(delaysMs.length > 800, `${delaysMs.length} told`)
    // Told in units of 250 µs, rounded down.
    for (const ms of delaysMs) assert.ok(ms > 20 - 0.26 && ms <= 20.01, `${ms} ms`)
  },
)

scenario('a worker that stands still for longer than is told keeps arrivals in order', {}, (stage) => {
  const publisher = new LayeredPublisher(stage, { numbered: true })
  stage.connect()
  publisher.begin()
  stage.run(500)
  stage.net.stall(stage.worker.address.ip, 1600)
  stage.run(3000)
  const told = [...publisher.arrivedMs].sort(([a], [b]) => a - b).map(([, ms]) => ms)
  assert.ok(told.length > 800, `${told.length} told`)
  for (const [i, ms] of told.entries()) assert.ok(i === 0 || ms >= told[i - 1]!, `${told[i - 1]} ms, then ${ms}`)
})

scenario(
  'a publisher that numbers nothing is told by REMB what its thin path holds, and that it holds more',
  {},
  (stage) => {
    const publisher = new LayeredPublisher(stage, { rates: [1_500_000] })
    const viewer = new NumberedViewer(stage, publisher)
    const [layer] = publisher.layers
    /** Encodes what it was asked for last, as a browser without transport-wide feedback does. */
    const run = (seconds: number) => {
      for (let s = 0; s < seconds; s++) {
        layer!.rateBps = Math.min(1_500_000, publisher.askedBps)
        stage.run(1000)
      }
    }
    publisher.uplink({ rateBps: 400_000, queueMs: 300 })
    stage.connect()
    publisher.begin()
    run(20)
    const thinMs = stage.nowMs
    run(10)
    const thinBps = viewer.rateBps(thinMs, stage.nowMs)
    assert.ok(layer!.rateBps < 450_000, `${layer!.rateBps} bit/s sent into a path of 400,000`)
    assert.ok(thinBps > 120_000, `${thinBps} bit/s of it came through`)
    publisher.uplink({ rateBps: 10_000_000 })
    run(60)
    assert.equal(layer!.rateBps, 1_500_000)
  },
)
