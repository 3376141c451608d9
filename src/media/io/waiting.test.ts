/** What is told of packets that waited in a socket while the event loop was busy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kind } from './io.js'
import { target, withCall } from './testing/loopback.js'

test('of RTP it is told how long it had waited in its socket while the event loop was busy', async () => {
  await withCall(async (call) => {
    await call.connect()
    const received = call.server.nextOf(Kind.rtp)
    // Between the relay's sending and the loop's next look at sockets.
    call.relay.once('message', () =>
      setImmediate(() => {
        const busyUntilMs = performance.now() + 30
        while (performance.now() < busyUntilMs);
      }),
    )
    target(call, 0, { extSeq: 1 })
    assert.equal(call.client.io.fanout(Buffer.of(0xff, 0xff), 0, 2, 0, 1), 1)
    call.client.io.flush()
    const { waitedUs } = await received
    assert.ok(waitedUs >= 25_000, `${waitedUs} µs`)
  })
})
