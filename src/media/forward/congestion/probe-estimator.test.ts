import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProbeEstimator } from './probe-estimator.js'
import { Link, type LinkOptions } from './testing/link.js'

/** Sends five bursts, 5 ms apart, of packets of 1000 bytes. */
function probe(rateBps: number, link: Partial<LinkOptions>, drop = (_packet: number) => false) {
  const estimator = new ProbeEstimator()
  const path = new Link(link)
  const sent = { id: 7, packets: 0, bytes: 0 }
  for (let burst = 0; burst < 5; burst++) {
    for (let bytes = 0; bytes < (rateBps / 8000) * 5; bytes += 1000) {
      const arrivedMs = path.send(burst * 5, 1000)
      sent.packets++
      sent.bytes += 1000
      if (!drop(sent.packets)) estimator.add(7, burst * 5, arrivedMs, 1000)
    }
  }
  return estimator.result(sent)
}

test('probe: all of it comes through', () => {
  const result = probe(4_800_000, { rateBps: 20_000_000 })
  assert.equal(result?.full, false)
  assert.ok(Math.abs(result!.bps - 4_800_000) < 1, `${result!.bps}`)
})

test('probe: the link is full', () => {
  const result = probe(4_800_000, { rateBps: 1_000_000 })
  assert.equal(result?.full, true)
  assert.ok(Math.abs(result!.bps - 950_000) < 10_000, `${result!.bps}`)
})

test('probe: too much of it is lost', () => {
  assert.equal(
    probe(4_800_000, {}, (packet) => packet % 3 === 0),
    null,
  )
  assert.notEqual(
    probe(4_800_000, { rateBps: 20_000_000 }, (packet) => packet === 4),
    null,
  )
})

test('probe: other packets and other clusters count for nothing', () => {
  const estimator = new ProbeEstimator()
  for (let i = 0; i < 10; i++) estimator.add(0, i, i, 1000)
  assert.equal(estimator.result({ id: 1, packets: 5, bytes: 5000 }), null)
  for (let i = 0; i < 10; i++) estimator.add(1, i, i, 1000)
  assert.notEqual(estimator.result({ id: 1, packets: 10, bytes: 10_000 }), null)
  estimator.add(2, 20, 20, 1000)
  assert.equal(estimator.result({ id: 1, packets: 10, bytes: 10_000 }), null)
})

test('probe: held up on the way and let go at once says nothing', () => {
  const estimator = new ProbeEstimator()
  for (let i = 0; i < 10; i++) estimator.add(1, i * 5, 100 + i * 0.5, 1000)
  assert.equal(estimator.result({ id: 1, packets: 10, bytes: 10_000 }), null)
})
