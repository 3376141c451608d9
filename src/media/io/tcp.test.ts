/** The native io over TCP, from Node's side; what connections may and may not do is tested in `native/test`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Kind, Meta } from './io.js'
import { LoopbackPeer, stunLike } from './testing/loopback.js'

const framed = (datagram: Buffer) => {
  const header = Buffer.alloc(2)
  header.writeUInt16BE(datagram.length)
  return Buffer.concat([header, datagram])
}

async function open(t: TestContext) {
  const peer = new LoopbackPeer()
  t.after(() => peer.io.close())
  const { socket, port } = peer.io.listenTcp('127.0.0.1', 0)
  const client = connect(port, '127.0.0.1')
  t.after(() => client.destroy())
  await once(client, 'connect')
  return { peer, socket, port, client }
}

async function read(client: Socket, length: number): Promise<Buffer> {
  let all = Buffer.alloc(0)
  while (all.length < length) all = Buffer.concat([all, (await once(client, 'data'))[0] as Buffer])
  return all
}

test('a framed datagram is a row like any other, and a reply to it goes back framed', async (t) => {
  const { peer, socket, client } = await open(t)
  assert.equal(socket, 1)
  const check = stunLike()
  peer.onRow = ({ row }) => {
    assert.equal(peer.io.meta[row * Meta.stride + Meta.socket], socket)
    peer.io.scratch.set(check)
    peer.io.reply(row, 0, check.length)
  }
  const row = peer.nextOf(Kind.stun)
  client.write(framed(check).subarray(0, 7))
  client.write(framed(check).subarray(7))
  assert.deepEqual((await row).bytes, check)
  assert.equal((await row).port, client.localPort)
  assert.deepEqual(await read(client, 22), framed(check))
})

test('a selected connection gets what is sent to its transport, until it ends', async (t) => {
  const { peer, client } = await open(t)
  const { io } = peer
  const id = io.allocate()
  const selected = new Promise<void>((resolve) => {
    peer.onRow = ({ row }) => {
      assert.equal(io.select(id, row), true)
      resolve()
    }
  })
  client.write(framed(stunLike()))
  await selected
  // A ClientHello is all that a transport without keys can say.
  assert.equal(io.start(id, 'client', new Uint8Array(32)), true)
  const hello = await read(client, 60)
  assert.equal(hello[2], 22)
  assert.ok(hello.readUInt16BE(0) < 1500)
  client.end()
  await once(client, 'close')
  assert.deepEqual([peer.counter('tcp_opened'), peer.counter('tcp_closed')], [1, 1])
})

test('errors are as from the system, and closing ends what is open', async (t) => {
  const { peer, port, client } = await open(t)
  const { io } = peer
  assert.throws(() => io.listenTcp('127.0.0.1', port), { code: 'EADDRINUSE', message: /TCP 127\.0\.0\.1 port \d+/ })
  assert.throws(() => io.listenTcp('localhost', 0), { code: 'EINVAL' })
  assert.throws(() => io.listenTcp('127.0.0.1', 65_536), RangeError)
  const ended = once(client, 'close')
  client.resume()
  await io.close()
  await ended
  assert.throws(() => io.listenTcp('127.0.0.1', 0), { code: 'ERR_CLOSED' })
})

test('IPv6 has the same port to itself', async (t) => {
  const { peer, port } = await open(t)
  assert.equal(peer.io.listenTcp('::1', port).port, port)
  const client = connect(port, '::1')
  t.after(() => client.destroy())
  const row = peer.nextOf(Kind.stun)
  client.write(framed(stunLike()))
  assert.equal((await row).port, client.localPort)
})
