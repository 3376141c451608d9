/**
 * Two native ios in one process with a relay between them: the relay sees, keeps, drops and forges what
 * passes, and sends the STUN-looking datagrams that give each side a row to select.
 */

import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { openNativeIo } from '../binding.js'
import { Addr, type DtlsRole, type IoOptions, ioCounterNames, Kind, type MediaIo, Meta, Target } from '../io.js'

const WAIT_MS = 10_000

/** A row of a batch, copied. `row` is its number while the batch lasts. */
export interface Row {
  row: number
  kind: number
  transport: number
  extra: number
  waitedUs: number
  bytes: Buffer
  port: number
}

export const digest = (fingerprint: string): Uint8Array => Buffer.from(fingerprint.replaceAll(':', ''), 'hex')

export function counter(io: MediaIo, name: (typeof ioCounterNames)[number]): number {
  return io.counters[ioCounterNames.indexOf(name)]!
}

/** An io on one loopback socket that keeps every row it gets. */
export class LoopbackPeer {
  readonly io: MediaIo
  readonly port: number
  readonly rows: Row[] = []
  /** Runs for each row, within the batch. */
  onRow: (row: Row) => void = () => {}
  #waiting: { matches: (row: Row) => boolean; found: (row: Row) => void }[] = []

  constructor(options: IoOptions = {}) {
    this.io = openNativeIo(options, (count) => this.#batch(count))
    this.port = this.io.listen('127.0.0.1', 0).port
  }

  #batch(count: number): void {
    const { meta, addrs, rx } = this.io
    for (let row = 0; row < count; row++) {
      const at = row * Meta.stride
      const offset = meta[at + Meta.offset]!
      const from = row * Addr.stride
      const copy: Row = {
        row,
        kind: meta[at + Meta.kind]!,
        transport: meta[at + Meta.transport]!,
        extra: meta[at + Meta.extra]!,
        waitedUs: meta[at + Meta.waitedUs]!,
        bytes: Buffer.from(rx.subarray(offset, offset + meta[at + Meta.length]!)),
        port: (addrs[from + Addr.port]! << 8) | addrs[from + Addr.port + 1]!,
      }
      this.rows.push(copy)
      this.onRow(copy)
      this.#waiting = this.#waiting.filter(({ matches, found }) => !matches(copy) || found(copy))
    }
  }

  /** The next row that matches. */
  next(matches: (row: Row) => boolean): Promise<Row> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the awaited row did not come')), WAIT_MS)
      const found = (row: Row) => {
        clearTimeout(timer)
        resolve(row)
      }
      this.#waiting.push({ matches, found })
    })
  }

  nextOf(kind: number): Promise<Row> {
    return this.next((row) => row.kind === kind)
  }

  count(kind: number): number {
    return this.rows.filter((row) => row.kind === kind).length
  }

  counter(name: (typeof ioCounterNames)[number]): number {
    return counter(this.io, name)
  }
}

export async function udpSocket(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { socket, port: socket.address().port }
}

let stunNumber = 0

/** 20 bytes that classify as STUN, different each time. */
export function stunLike(): Buffer {
  const bytes = Buffer.alloc(20)
  bytes.writeUInt32BE(++stunNumber, 16)
  return bytes
}

/** Sends from `socket`, then waits until all of it has been looked at: packets keep their order on loopback. */
export async function sendAndSettle(socket: Socket, peer: LoopbackPeer, packets: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < packets.length; at += 200) {
    for (const packet of packets.slice(at, at + 200)) socket.send(packet, peer.port, '127.0.0.1')
    const fence = stunLike()
    const seen = peer.next((row) => row.kind === Kind.stun && row.bytes.equals(fence))
    socket.send(fence, peer.port, '127.0.0.1')
    await seen
    // What awaits a row runs within its batch; held packets of the batch are looked at after it.
    await setImmediate()
  }
}

export interface Passing {
  fromClient: boolean
  bytes: Buffer
}

/** A call: client and server transport, connected through a relay. */
export class LoopbackCall {
  clientId = -1
  serverId = -1
  /** Everything that passed, in order. */
  readonly passed: Passing[] = []
  /** Whether the relay lets it pass. */
  pass: (packet: Passing) => boolean = () => true

  readonly client: LoopbackPeer
  readonly server: LoopbackPeer
  readonly relay: Socket

  private constructor(client: LoopbackPeer, server: LoopbackPeer, relay: Socket) {
    this.client = client
    this.server = server
    this.relay = relay
  }

  static async open(options: IoOptions = {}): Promise<LoopbackCall> {
    const { socket } = await udpSocket()
    const call = new LoopbackCall(new LoopbackPeer(options), new LoopbackPeer(options), socket)
    socket.on('message', (bytes, { port }) => {
      const packet = { fromClient: port === call.client.port, bytes }
      if (!call.pass(packet)) return
      call.passed.push(packet)
      socket.send(bytes, packet.fromClient ? call.server.port : call.client.port, '127.0.0.1')
    })
    call.clientId = call.client.io.allocate()
    call.serverId = call.server.io.allocate()
    return call
  }

  /** Both sides select the relay's address, as an ICE check would make them. */
  async select(): Promise<void> {
    const bind = async (peer: LoopbackPeer, id: number) => {
      const fence = stunLike()
      peer.onRow = ({ row, bytes }) => {
        if (bytes.equals(fence)) assert.equal(peer.io.select(id, row), true)
      }
      await sendAndSettle(this.relay, peer, [fence])
      peer.onRow = () => {}
    }
    await bind(this.server, this.serverId)
    await bind(this.client, this.clientId)
  }

  start(fingerprints: { ofServer?: string; ofClient?: string } = {}): void {
    const starting = (peer: LoopbackPeer, id: number, role: DtlsRole, fingerprint: string) =>
      assert.equal(peer.io.start(id, role, digest(fingerprint)), true)
    starting(this.server, this.serverId, 'server', fingerprints.ofClient ?? this.client.io.fingerprint)
    starting(this.client, this.clientId, 'client', fingerprints.ofServer ?? this.server.io.fingerprint)
  }

  async connect(): Promise<void> {
    await this.select()
    const connected = [this.client.nextOf(Kind.connected), this.server.nextOf(Kind.connected)]
    this.start()
    await Promise.all(connected)
    await setImmediate()
  }

  async close(): Promise<void> {
    await Promise.all([this.client.io.close(), this.server.io.close()])
    this.relay.close()
    await once(this.relay, 'close')
  }
}

/** A call that is closed when `run` ends, however that is. */
export async function withCall(run: (call: LoopbackCall) => Promise<void>, options: IoOptions = {}): Promise<void> {
  const call = await LoopbackCall.open(options)
  try {
    await run(call)
  } finally {
    await call.close()
  }
}

/** Fills row `row` of the client's targets. */
export function target(call: LoopbackCall, row: number, values: Partial<Record<keyof typeof Target, number>>): void {
  const at = row * Target.stride
  const all = { transport: call.clientId, ssrc: 0xabcd, markerPt: 96, extSeq: 1, timestamp: 0, ...values }
  call.client.io.targets.fill(0, at, at + Target.stride)
  for (const [column, value] of Object.entries(all)) {
    call.client.io.targets[at + Target[column as keyof typeof Target]] = value
  }
}
