import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Datagram, type LinkConditions, SimulatedNetwork } from './simulated-network.js'

const here = { ip: '10.0.0.1', port: 1000 }
const there = { ip: '10.0.0.2', port: 2000 }

const numbered = (index: number, wireBytes = 972): Datagram => {
  return { kind: 'plain', bytes: new Uint8Array(0), wireBytes, session: 0, index }
}

/** Sends `count` datagrams one millisecond apart. @returns number and time of each arrival */
function arrivals(conditions: Partial<LinkConditions>, count: number, seed = 1): [index: number, atMs: number][] {
  const network = new SimulatedNetwork({ seed, conditions })
  const seen: [number, number][] = []
  network.bind(there, (_from, { index }) => seen.push([index, network.nowMs]))
  for (let i = 0; i < count; i++) network.schedule(i, () => network.send(here, there, numbered(i)))
  network.run({ untilMs: 60_000 })
  return seen
}

const indexes = (seen: [number, number][]) => seen.map(([index]) => index)
const inOrder = (seen: [number, number][]) => indexes(seen).every((index, i, all) => i === 0 || index > all[i - 1]!)

test('events happen in the order of time, then of scheduling, and can be cancelled', () => {
  const network = new SimulatedNetwork({ seed: 1, nowMs: 100 })
  const seen: string[] = []
  const at = (atMs: number, name: string) => network.schedule(atMs, () => seen.push(`${name}@${network.nowMs}`))
  at(300, 'c')
  at(200, 'a')
  const cancel = at(250, 'cancelled')
  at(200, 'b')
  at(0, 'past')
  at(Number.POSITIVE_INFINITY, 'never')
  network.schedule(300, () => at(300, 'nested'))
  cancel()
  network.run({ untilMs: 299 })
  assert.deepEqual(seen, ['past@100', 'a@200', 'b@200'])
  assert.equal(network.nowMs, 299)
  network.run({ untilMs: 1000 })
  assert.deepEqual(seen.slice(3), ['c@300', 'nested@300'])
  assert.equal(network.nowMs, 1000)
})

test('a thousand events in random order come out sorted', () => {
  const network = new SimulatedNetwork({ seed: 3 })
  const seen: number[] = []
  for (let i = 0; i < 1000; i++) {
    const atMs = network.random() % 500
    network.schedule(atMs, () => seen.push(atMs))
  }
  network.run({ untilMs: 500 })
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  )
  assert.equal(seen.length, 1000)
})

test('an alarm rings once, for the last time it was set', () => {
  const network = new SimulatedNetwork({ seed: 1 })
  const rung: number[] = []
  const wakeAt = network.alarm()
  wakeAt(10, () => rung.push(10))
  wakeAt(20, () => rung.push(20))
  network.run({ untilMs: 50 })
  wakeAt(60, () => rung.push(60))
  wakeAt(Number.POSITIVE_INFINITY, () => rung.push(0))
  network.run({ untilMs: 100 })
  assert.deepEqual(rung, [20])
})

test('runUntil stops at the event that made it so, or says how long it waited', () => {
  const network = new SimulatedNetwork({ seed: 1 })
  let ready = false
  network.schedule(70, () => {
    ready = true
  })
  network.schedule(80, () => assert.fail('too far'))
  network.runUntil(() => ready)
  assert.equal(network.nowMs, 70)
  assert.throws(() => new SimulatedNetwork({ seed: 1 }).runUntil(() => false, 500), /500 ms/)
})

test('delay, and jitter that keeps the order', () => {
  assert.deepEqual(arrivals({ delayMs: 40 }, 3), [
    [0, 40],
    [1, 41],
    [2, 42],
  ])
  const seen = arrivals({ delayMs: 40, jitterMs: 30 }, 500)
  assert.equal(seen.length, 500)
  assert.ok(inOrder(seen))
  const delays = seen.map(([index, atMs]) => atMs - index)
  assert.ok(Math.min(...delays) >= 40 && Math.max(...delays) <= 70 && Math.max(...delays) > 60)
})

test('loss, duplicates and reordering come as often as asked', () => {
  const lossy = arrivals({ loss: 0.1 }, 5000)
  assert.ok(Math.abs(lossy.length - 4500) < 100, `${lossy.length}`)
  assert.ok(inOrder(lossy))
  const doubled = arrivals({ duplicate: 0.05 }, 5000)
  assert.ok(Math.abs(doubled.length - 5250) < 60, `${doubled.length}`)
  const shuffled = arrivals({ reorder: 0.02, reorderMs: 5 }, 5000)
  const late = shuffled.filter(([index, atMs]) => atMs === index + 1 + 5)
  assert.equal(shuffled.length, 5000)
  assert.ok(Math.abs(late.length - 100) < 40, `${late.length}`)
  assert.equal(inOrder(shuffled), false)
  assert.deepEqual(arrivals({ loss: 1 }, 10), [])
})

test('a rate spaces datagrams out, and its queue is bounded', () => {
  const network = new SimulatedNetwork({ seed: 1, conditions: { delayMs: 10, rateBps: 1_000_000, queueMs: 40 } })
  const seen: number[] = []
  network.bind(there, () => seen.push(network.nowMs))
  // 972 + 28 bytes at 1 Mbit/s take 8 ms.
  for (let i = 0; i < 20; i++) network.send(here, there, numbered(i))
  network.run({ untilMs: 1000 })
  assert.deepEqual(seen, [18, 26, 34, 42, 50, 58])
})

test('one direction can be changed alone, and later', () => {
  const network = new SimulatedNetwork({ seed: 1, conditions: { delayMs: 5 } })
  const seen: string[] = []
  network.bind(here, (from) => seen.push(`here from ${from.port} at ${network.nowMs}`))
  network.bind(there, (from) => seen.push(`there from ${from.port} at ${network.nowMs}`))
  network.link(here.ip, there.ip, { delayMs: 50 })
  network.send(here, there, numbered(0))
  network.send(there, here, numbered(0))
  network.run({ untilMs: 100 })
  network.link(here.ip, there.ip, { loss: 1 })
  network.send(here, there, numbered(0))
  network.run({ untilMs: 200 })
  assert.deepEqual(seen, ['here from 2000 at 5', 'there from 1000 at 50'])
})

test('addresses: taken, any port, given back', () => {
  const network = new SimulatedNetwork({ seed: 1 })
  network.bind(here, () => {})
  assert.throws(() => network.bind(here, () => {}), { code: 'EADDRINUSE' })
  const first = network.bind({ ip: here.ip, port: 0 }, () => {})
  const second = network.bind({ ip: here.ip, port: 0 }, () => {})
  assert.notEqual(first.port, second.port)
  network.unbind(here)
  assert.deepEqual(
    network.bind(here, () => {}),
    here,
  )
})

test('the same seed gives the same run, another one does not', () => {
  const conditions = { loss: 0.1, jitterMs: 20, reorder: 0.1, duplicate: 0.1 }
  assert.deepEqual(arrivals(conditions, 300, 7), arrivals(conditions, 300, 7))
  assert.notDeepEqual(arrivals(conditions, 300, 7), arrivals(conditions, 300, 8))
})
