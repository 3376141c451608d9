import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BodyReader } from './body.js'

const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A request whose body the test brings, piece by piece. */
class FakeRequest extends EventEmitter {
  readonly headers = {}
  readonly destroyed = false
  resume(): this {
    return this
  }
  asRequest(): IncomingMessage {
    return this as unknown as IncomingMessage
  }
}

/** Memory outside of V8's heap is given back some time after what it belonged to was collected. */
async function heldBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    collectGarbage()
    await setImmediate()
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}

test('H-41 a body in pieces of one byte takes twice its bytes at most, not hundreds of them for each', async () => {
  const request = new FakeRequest()
  const read = new BodyReader(() => ({ bodyBytes: MIB, totalBytes: 64 * MIB })).read(request.asRequest(), 'a')
  const before = await heldBytes()
  const count = 1_000_000
  for (let i = 0; i < count; i++) request.emit('data', Buffer.from([i & 0xff]))
  const held = (await heldBytes()) - before
  assert.ok(held < 3 * count, `${held} bytes are held for ${count}`)
  request.emit('end')
  const body = await read
  assert.ok(Buffer.isBuffer(body))
  assert.deepEqual([body.length, body[0], body[255], body[256], body.at(-1)], [count, 0, 255, 0, (count - 1) & 0xff])
})

test('a body may be as long as is allowed, in pieces too, and one byte more is too long', async () => {
  const reader = new BodyReader(() => ({ bodyBytes: 10, totalBytes: 100 }))
  for (const [lengths, expected] of [
    [[3, 4, 3], 'aaabbbbccc'],
    [[10], 'aaaaaaaaaa'],
    [[6, 5], 'too long'],
    [[11], 'too long'],
    [[], ''],
  ] as const) {
    const request = new FakeRequest()
    const read = reader.read(request.asRequest(), 'a')
    for (const [index, length] of lengths.entries()) request.emit('data', Buffer.alloc(length, 'abc'[index]))
    request.emit('end')
    request.emit('close')
    assert.equal(String(await read), expected)
  }
})

test('H-41 a body that is too long, or was cut off, is let go of, though its request stays open', async () => {
  const reader = new BodyReader(() => ({ bodyBytes: MIB, totalBytes: 8 * MIB }))
  const before = await heldBytes()
  const requests = Array.from({ length: 20 }, () => new FakeRequest())
  const bodies = requests.map((request, index) => {
    const read = reader.read(request.asRequest(), 'a')
    // The long ones do not pass what an address may have: that is one of the longest.
    if (index < 10) for (const length of [MIB - 1, 2]) request.emit('data', Buffer.alloc(length))
    else request.emit('data', Buffer.alloc(MIB))
    return read
  })
  assert.deepEqual(await Promise.all(bodies), [...Array(10).fill('too long'), ...Array(10).fill('cut off')])
  const held = (await heldBytes()) - before
  assert.ok(held < 2 * MIB, `${held} bytes are held of bodies that were refused`)
  for (const request of requests) assert.deepEqual(request.eventNames(), [])
})

test('what is counted of all bodies comes back with each, whatever became of it', async () => {
  const told: [bodies: number, bytes: number][] = []
  const reader = new BodyReader(
    () => ({ bodyBytes: 60, totalBytes: 100 }),
    (...args) => told.push(args),
  )
  const begin = (address: string, bytes: number) => {
    const request = new FakeRequest()
    const read = reader.read(request.asRequest(), address)
    request.emit('data', Buffer.alloc(bytes))
    return { request, read }
  }
  for (let round = 0; round < 3; round++) {
    const [first, second, third] = [begin('a', 50), begin('b', 40), begin('c', 20)]
    assert.equal(await first.read, 'cut off')
    assert.equal(reader.heldBytes(), 60)
    first.request.emit('data', Buffer.alloc(1))
    second.request.emit('close')
    assert.equal(await second.read, 'aborted')
    third.request.emit('end')
    assert.equal((await third.read).length, 20)
    assert.equal(reader.heldBytes(), 0)
  }
  assert.deepEqual(told, Array(3).fill([1, 50]))
})
