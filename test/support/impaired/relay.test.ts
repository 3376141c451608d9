/** The relay with real sockets: what it does to packets, that it keeps time, and that it ends. */
import assert from 'node:assert/strict'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { after, test } from 'node:test'
import { eventually } from '../eventually.js'
import { ImpairedRelay } from './relay.js'

const relay = new ImpairedRelay(42)
const sockets: Socket[] = []

after(async () => {
  for (const socket of sockets) socket.close()
  await relay.close()
})

async function bound(): Promise<{ socket: Socket; address: string; port: number }> {
  // Large: this process may be late, and no packet may be lost for that.
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  sockets.push(socket)
  return { socket, address: '127.0.0.1', port: socket.address().port }
}

/** Answers each packet with itself. */
async function echo() {
  const server = await bound()
  const seen = new Set<string>()
  server.socket.on('message', (packet: Buffer, from: RemoteInfo) => {
    seen.add(`${from.address}:${from.port}`)
    server.socket.send(packet, from.port, from.address)
  })
  return { ...server, seen }
}

/** Round trips of `count` packets sent at even intervals. */
async function roundTrips(to: { address: string; port: number }, count: number, everyMs: number): Promise<number[]> {
  const client = await bound()
  const sentMs: number[] = []
  const trips: number[] = []
  client.socket.on('message', (packet: Buffer) => {
    trips.push(performance.now() - sentMs[packet.readUInt32BE(0)]!)
  })
  const startedMs = performance.now()
  while (sentMs.length < count) {
    while (sentMs.length < count && startedMs + sentMs.length * everyMs <= performance.now()) {
      const packet = Buffer.alloc(200)
      packet.writeUInt32BE(sentMs.length)
      sentMs.push(performance.now())
      client.socket.send(packet, to.port, to.address)
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await eventually('all replies', () => trips.length === count)
  return trips
}

test('packets go both ways with the delay of each, and each client is another to the server', async () => {
  const server = await echo()
  const front = await relay.open('slow', { address: '127.0.0.2', port: 0 }, server)
  await relay.impair('slow', { up: { delayMs: 30 }, down: { delayMs: 20 } })
  // Two thousand packets a second each way. Other work on the machine makes everybody late, this process too: one
  // round in time shows that the relay can be.
  const rounds: { tenthMs: number; lateMs: number }[] = []
  const inTime = () => rounds.some(({ tenthMs, lateMs }) => tenthMs <= 55 && lateMs < 3)
  do {
    const trips = (await roundTrips(front, 1_000, 0.5)).sort((a, b) => a - b)
    const { links, late } = await relay.figures()
    rounds.push({ tenthMs: trips[100]!, lateMs: late.p50Ms })
    assert.ok(trips[0]! >= 50, `fastest ${trips[0]}`)
    assert.equal(links.slow!.up.delivered, rounds.length * 1_000)
    assert.equal(links.slow!.down.delivered, rounds.length * 1_000)
  } while (!inTime() && rounds.length < 8)
  assert.ok(inTime(), JSON.stringify(rounds))
  assert.equal(server.seen.size, rounds.length)
})

test('links are impaired one by one, at any time', async () => {
  const server = await echo()
  const front = { address: '127.0.0.2', port: 0 }
  const thin = await relay.open('thin', front, server)
  const good = await relay.open('good', front, server)
  await relay.impair('thin', { up: { loss: 1 } })
  const client = await bound()
  client.socket.send('lost', thin.port, thin.address)
  await eventually('the loss', async () => (await relay.figures()).links.thin!.up.lost === 1)
  await roundTrips(good, 10, 1)
  await relay.impair('thin', { up: {} })
  await roundTrips(thin, 10, 1)
  const { links } = await relay.figures()
  assert.deepEqual([links.thin!.up.delivered, links.good!.up.delivered, links.good!.up.lost], [10, 10, 0])
})

test('a front that cannot be opened is an error, and the relay goes on', async () => {
  const server = await echo()
  const front = await relay.open('taken', { address: '127.0.0.2', port: 0 }, server)
  await assert.rejects(relay.open('taken', front, server), /EADDRINUSE/)
  await roundTrips(front, 1, 1)
})

test('it ends with its sockets open and packets on their way', async () => {
  const other = new ImpairedRelay(1)
  const server = await echo()
  const front = await other.open('slow', { address: '127.0.0.2', port: 0 }, server)
  await other.impair('slow', { up: { delayMs: 60_000 } })
  const client = await bound()
  client.socket.send('never', front.port, front.address)
  await eventually('the packet', async () => (await other.figures()).links.slow!.up.offered === 1)
  await other.close()
  assert.ok(!existsSync(`/proc/${other.pid}`))
  await assert.rejects(other.figures(), /ended/)
})
