import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RELAY_WINDOW_BYTES, RelayWindow } from './relay-window.js'

const message = (length: number, from = 'ann') => ({
  room: 'hall',
  from,
  channel: { label: 'chat', protocol: '', ordered: true },
  binary: true,
  payload: new Uint8Array(length),
})

test('messages of a tick are one batch, in their order', () => {
  const window = new RelayWindow()
  assert.equal(window.take(), undefined)
  const sent = [message(1), message(2, 'bob'), message(3)]
  for (const [i, data] of sent.entries()) assert.ok(window.add(i % 2, data))
  assert.deepEqual(window.take(), { batch: 1, data: sent })
  assert.equal(window.take(), undefined)
  assert.ok(window.add(1, sent[0]!))
  assert.deepEqual(window.take(), { batch: 2, data: [sent[0]] })
})

test('one sender fills half of the window and no more, pending or in flight, until batches are acknowledged', () => {
  const window = new RelayWindow()
  const fill = (sender: number) => {
    let taken = 0
    while (window.add(sender, message(200_000))) taken++
    return taken
  }
  assert.equal(fill(1), 10)
  const first = window.take()!
  assert.equal(fill(1), 0)
  assert.ok(window.add(2, message(262_144)))
  const second = window.take()!
  window.acknowledged(second.batch)
  assert.equal(fill(1), 0)
  window.acknowledged(first.batch)
  window.acknowledged(first.batch)
  window.acknowledged(99)
  assert.equal(window.bytes, 0)
  assert.equal(fill(1), 10)
})

test('each sender gets half of what those before have left, and all together no more than the window', () => {
  const window = new RelayWindow()
  for (let sender = 0; sender < 100; sender++) {
    const before = window.bytes
    while (window.add(sender, message(1000)));
    const left = RELAY_WINDOW_BYTES - before
    assert.ok(window.bytes - before <= left / 2)
    assert.ok(window.bytes - before > left / 2 - 2 * 1300)
  }
  assert.ok(window.bytes < RELAY_WINDOW_BYTES)
  assert.equal(window.add(1000, message(10_000)), false)
  const { batch } = window.take()!
  window.acknowledged(batch)
  assert.equal(window.bytes, 0)
  assert.ok(window.add(1000, message(10_000)))
})

test('empty messages cost something too', () => {
  const window = new RelayWindow()
  let taken = 0
  while (window.add(1, message(0))) taken++
  assert.ok(taken > 1000 && taken <= RELAY_WINDOW_BYTES / 2 / 256)
})
