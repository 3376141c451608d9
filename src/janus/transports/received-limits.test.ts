/** H-41: what is received and not whole takes little memory, in whatever pieces it comes, and not for long. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, test } from 'node:test'
import { FakeClock } from '../testing/fake-clock.js'
import { startSockets as openSockets, type SocketServer, textFrame } from '../testing/socket-server.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function startSockets(...options: Parameters<typeof openSockets>): Promise<SocketServer> {
  const server = await openSockets(...options)
  closers.push(() => server.close())
  return server
}

const CLOSE = 0x88
const ping = (transaction: string) => JSON.stringify({ janus: 'ping', transaction })

/** @returns how a connection ended: the code of the close frame, or undefined when it was cut */
async function ending(socket: Socket): Promise<number | undefined> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // Not `once` of node:events, which throws when the connection is reset.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  const said = Buffer.concat(chunks)
  return said[0] === CLOSE ? said.readUInt16BE(2) : undefined
}

/** Sends the beginning of a message of 20,000 bytes, all but `missing` of them. */
const begin = (socket: Socket, missing = 5000) =>
  socket.write(Buffer.concat([textFrame(20_000), Buffer.alloc(20_000 - missing, ' ')]))

const limits = { messageBytes: 20_000, receivedBytes: 100_000 }

test('H-41 messages of one address that are not whole: past its part those with most are cut off, nobody else', async () => {
  const { raw, open, counted, sockets } = await startSockets({ limits })
  const other = await raw('other')
  begin(other, 10_000)
  // Two messages of the longest kind are the part of an address.
  const hogs = [await raw('hog'), await raw('hog'), await raw('hog')]
  const ends = hogs.map((socket, index) => ending(socket).then((code) => [index, code]))
  begin(hogs[0]!, 4000)
  begin(hogs[1]!)
  begin(hogs[2]!)
  assert.deepEqual(await Promise.race(ends), [0, undefined])
  assert.deepEqual(counted(), { received_bytes: 1 })
  while (sockets.live() > 3) await new Promise(setImmediate)
  // What was begun can still be finished: the rest is spaces, and a message of spaces is no JSON.
  other.write(Buffer.alloc(10_000, ' '))
  const [reply] = (await once(other, 'data')) as [Buffer]
  assert.match(String(reply), /"code":454/)
  const calm = await open('hog')
  calm.send(ping('calm'))
  assert.equal(JSON.parse(String((await once(calm, 'message'))[0])).transaction, 'calm')
  assert.deepEqual(counted(), { received_bytes: 1 })
})

test('H-41 messages of many addresses that are not whole: whose hold most are cut off, and who holds little is not', async () => {
  const { raw, counted, sockets } = await startSockets({ limits })
  const small = await raw('small')
  begin(small, 19_000)
  const addresses = ['a', 'a', 'b', 'b', 'c', 'c', 'd'] as const
  const hogs = await Promise.all(addresses.map((address) => raw(address)))
  const ended = hogs.map((socket) => ending(socket))
  for (const socket of hogs) begin(socket)
  await Promise.race(ended)
  const cut = counted().received_bytes!
  assert.ok(cut >= 1 && cut <= 3, `${cut} were cut off`)
  while (sockets.live() > 8 - cut) await new Promise(setImmediate)
  small.write(Buffer.alloc(19_000, ' '))
  assert.match(String((await once(small, 'data'))[0]), /"code":454/)
})

test('one message of the longest kind is let in, in however small pieces it comes', async () => {
  const messageBytes = 4 * 1024 * 1024
  const { raw, counted } = await startSockets({ limits: { messageBytes, receivedBytes: 0 } })
  const socket = await raw()
  const message = Buffer.from(ping('long').padEnd(messageBytes))
  socket.setNoDelay().write(textFrame(message.length))
  for (let at = 0; at < message.length; at += 8192) {
    socket.write(message.subarray(at, at + 8192))
    await new Promise(setImmediate)
  }
  assert.match(String((await once(socket, 'data'))[0]), /"transaction":"long"/)
  assert.deepEqual(counted(), {})
})

test('H-41 messages that wait because their socket sends too fast count as well', async () => {
  const { open, counted } = await startSockets({ limits: { ...limits, messagesPerSecond: 1 } })
  const socket = await open()
  for (let i = 0; i < 8; i++) socket.send(ping(String(i)).padEnd(15_000))
  assert.equal((await once(socket, 'close'))[0], 1006)
  assert.equal(counted().received_bytes, 1)
})

test('H-41 a message in thousands of fragments closes its socket with 1008', async () => {
  const { open, counted, gateway } = await startSockets()
  const [socket, other] = [await open(), await open()]
  socket.send(JSON.stringify({ janus: 'create', transaction: 't' }))
  await once(socket, 'message')
  for (let i = 0; i < 1024; i++) socket.send('x', { fin: false })
  other.send(ping('t'))
  await once(other, 'message')
  assert.deepEqual(counted(), {})
  socket.send('x', { fin: false })
  assert.equal((await once(socket, 'close'))[0], 1008)
  assert.deepEqual(counted(), { message_pieces: 1 })
  assert.equal(gateway.live().sessions, 0)
})

test('H-41 a message has its time from the first byte to the last, even when something comes all the time', async () => {
  const { raw, open, counted } = await startSockets({ limits: { messageTimeoutMs: 60 }, closeTimeoutMs: 50 })
  const [slow, other] = [await raw(), await open()]
  const end = ending(slow)
  slow.write(textFrame(1000))
  let isOver = false
  void end.then(() => (isOver = true))
  while (!isOver) {
    slow.write(' ')
    other.send(ping('t'))
    await once(other, 'message')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.equal(await end, 1008)
  assert.deepEqual(counted(), { message_time: 1 })
})

test('H-41 the time of a message stands still while its socket is not read, because the client sends too fast', async () => {
  const clock = new FakeClock()
  const { raw, counted } = await startSockets({ clock, limits: { messageTimeoutMs: 1500, messagesPerSecond: 1 } })
  const socket = await raw()
  let said = ''
  socket.on('data', (data) => (said += data))
  const closed = once(socket, 'close').then(() => 'closed')
  const answered = async (transaction: string) => {
    while (!said.includes(`"transaction":"${transaction}"`))
      assert.notEqual(await Promise.race([once(socket, 'data'), closed]), 'closed')
  }
  const message = (name: string) => Buffer.concat([textFrame(ping(name).length), Buffer.from(ping(name))])
  const last = message('last')
  socket.write(Buffer.concat([...['1', '2', '3', '4', '5', '6'].map(message), last.subarray(0, 20)]))
  // Four may come at once, then one a second.
  await answered('4')
  clock.advance(1000)
  await answered('5')
  clock.advance(1000)
  await answered('6')
  clock.advance(1499)
  socket.write(last.subarray(20))
  await answered('last')
  assert.deepEqual(counted(), { message_rate: 2 })
})

test('H-41 a client that sent just as many messages as it may is not held, for nothing of it waits', async () => {
  const { open, counted } = await startSockets({ clock: new FakeClock(), limits: { messagesPerSecond: 1 } })
  const socket = await open()
  for (let i = 0; i < 4; i++) {
    socket.send(ping(String(i)))
    await once(socket, 'message')
  }
  assert.deepEqual(counted(), {})
  socket.ping()
  await once(socket, 'pong')
  socket.send(ping('4'))
  while (counted().message_rate !== 1) await new Promise(setImmediate)
})

test('H-41 a long message in a thousand pieces is served', async () => {
  const { raw } = await startSockets()
  const socket = await raw()
  socket.setNoDelay()
  const text = Buffer.from(ping('pieces').padEnd(100_000))
  socket.write(textFrame(text.length))
  for (let at = 0; at < text.length; at += 100) {
    socket.write(text.subarray(at, at + 100))
    await new Promise(setImmediate)
  }
  assert.match(String((await once(socket, 'data'))[0]), /"transaction":"pieces"/)
})

test('H-42 requests of a client that does not read wait in the kernel, also when none waited as it stopped', async () => {
  const limits = { messageBytes: 100_000, receivedBytes: 0, cutAboveBytes: 64 * 1024 * 1024 }
  const { open, counted, plugin } = await startSockets({ limits })
  const socket = await open()
  const ask = async (message: object) => {
    socket.send(JSON.stringify({ transaction: 't', ...message }))
    return JSON.parse(String((await once(socket, 'message'))[0]))
  }
  const closed = once(socket, 'close').then(() => 'cut off')
  const session_id: number = (await ask({ janus: 'create' })).data.id
  const handle_id: number = (await ask({ janus: 'attach', session_id, plugin: 'janus.plugin.fake' })).data.id
  let resolve = () => {}
  const responded = new Promise<void>((done) => (resolve = done))
  // More than the kernel takes, and before the turn is over that worked off all that was there.
  plugin.handles[0]!.respond = async () => {
    await null
    for (let i = 0; i < 12; i++) plugin.handles[0]!.port.push({ pad: 'x'.repeat(1024 * 1024) })
    resolve()
    return { data: {} }
  }
  socket.send(JSON.stringify({ janus: 'message', transaction: 't', session_id, handle_id, body: {} }))
  socket.pause()
  await responded
  await new Promise(setImmediate)
  for (let i = 0; i < 40; i++) {
    socket.send(ping(String(i)).padEnd(15_000))
    await new Promise(setImmediate)
  }
  const answered: string[] = []
  socket.on('message', (text) => {
    const { janus, transaction } = JSON.parse(String(text))
    if (janus === 'pong') answered.push(transaction)
  })
  socket.resume()
  while (answered.length < 40) assert.notEqual(await Promise.race([once(socket, 'message'), closed]), 'cut off')
  assert.deepEqual(
    answered,
    Array.from({ length: 40 }, (_, i) => `${i}`),
  )
  assert.deepEqual(counted(), {})
})
