/**
 * WebRTC clients without a browser: the addon in the client's role, many peers in one process, cheap enough to
 * load a server with. Each peer has a UDP socket of its own, as browsers have.
 */
import { randomBytes } from 'node:crypto'
import { readStun, StunView } from '../media/endpoint/stun.js'
import { writeBindingSuccess } from '../media/endpoint/stun-write.js'
import { openNativeIo } from '../media/io/binding.js'
import { Addr, Kind, type MediaIo, Meta, PADDING, Target } from '../media/io/io.js'
import { newRtpView, type RtpView, readRtp } from '../media/rtp/packet.js'
import { writeBindingRequest } from './binding-request.js'
import type { LocalTransport } from './description.js'
import { ipBytes } from './ip.js'
import type { RemoteTransport } from './remote.js'
import { nowMicroseconds } from './stamp.js'

export interface OutgoingRtp {
  ssrc: number
  pt: number
  /** ROC << 16 | sequence number; the first of an SSRC is below 65,536. */
  extSeq: number
  timestamp: number
  marker: boolean
  /** The payload ends with padding. */
  padding?: boolean
}

const CHECK_INTERVAL_MS = 50
const CONSENT_INTERVAL_MS = 2_500
const TRANSACTION_AT = 8
const OPEN_TRANSACTIONS_MAX = 10_000
/** Sockets that one io takes. */
const PEERS_PER_IO = 32

/** How a peer is made, for those that can more. */
export type MakePeer<P extends ClientPeer> = (io: PeerIo, place: PeerPlace) => P

export interface PeerPlace {
  readonly ip: string
  readonly socket: number
  readonly port: number
  readonly transport: number
}

/** All client peers of one process, on as many ios as they need. */
export class PeerPool<P extends ClientPeer = ClientPeer> {
  readonly #ios: PeerIo[] = []
  readonly #ip: string
  readonly #make: MakePeer<P>
  #closed = false

  /** @param ip of the peers' sockets, a literal */
  constructor(ip: string, make: MakePeer<P>) {
    this.#ip = ip
    this.#make = make
  }

  /** A new peer with a socket. @throws Error with `code` as from the system, and after `close` */
  peer(): P {
    if (this.#closed) throw new Error('the sockets are closed')
    let last = this.#ios.at(-1)
    if (!last || last.opened === PEERS_PER_IO) this.#ios.push((last = new PeerIo(this.#ip)))
    return last.peer(this.#make)
  }

  /** Sends what all peers have queued. */
  flush(): void {
    for (const { io } of this.#ios) io.flush()
  }

  /** Sum of a counter of all ios. @param index in `ioCounterNames` */
  counter(index: number): number {
    return this.#ios.reduce((sum, { io }) => sum + io.counters[index]!, 0)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#ios.splice(0).map((io) => io.close()))
  }
}

export const openPeers = (ip: string) => new PeerPool(ip, (io, place) => new ClientPeer(io, place))

/** One io and the peers on it. */
export class PeerIo {
  /** Peers so far: sockets are not given back one by one. */
  opened = 0
  readonly io: MediaIo
  readonly #ip: string
  readonly #byTransport = new Map<number, ClientPeer>()
  readonly #byTransaction = new Map<string, ClientPeer>()
  readonly #bySocket = new Map<number, ClientPeer>()
  readonly #peers = new Set<ClientPeer>()
  readonly #checks: NodeJS.Timeout
  readonly #view = newRtpView()
  readonly #stun = new StunView()

  constructor(ip: string) {
    this.#ip = ip
    this.io = openNativeIo({}, (count) => this.#batch(count))
    this.#checks = setInterval(() => this.#check(), CHECK_INTERVAL_MS)
  }

  peer<P extends ClientPeer>(make: MakePeer<P>): P {
    this.opened++
    const { socket, port } = this.listen()
    const peer = make(this, { ip: this.#ip, socket, port, transport: this.io.allocate() })
    this.#byTransport.set(peer.transport, peer)
    this.owns(peer)
    this.#peers.add(peer)
    return peer
  }

  listen(): { socket: number; port: number } {
    return this.io.listen(this.#ip, 0)
  }

  /** What comes on the socket of `peer` is for it. */
  owns(peer: ClientPeer): void {
    this.#bySocket.set(peer.socket, peer)
  }

  sendCheck(peer: ClientPeer, remote: RemoteTransport): void {
    const transactionId = randomBytes(12)
    this.#byTransaction.set(transactionId.toString('hex'), peer)
    const { scratch } = this.io
    const length = writeBindingRequest(scratch, `${remote.ufrag}:${peer.ufrag}`, remote.pwd, transactionId)
    this.io.sendTo(addressRow(peer.socket, remote), 0, length)
  }

  forget(peer: ClientPeer): void {
    this.#peers.delete(peer)
    this.#byTransport.delete(peer.transport)
    this.#bySocket.delete(peer.socket)
  }

  async close(): Promise<void> {
    clearInterval(this.#checks)
    for (const peer of [...this.#peers]) peer.close()
    await this.io.close()
  }

  #check(): void {
    const nowMs = performance.now()
    for (const peer of this.#peers) peer.check(nowMs)
    if (this.#byTransaction.size > OPEN_TRANSACTIONS_MAX) this.#byTransaction.clear()
    this.io.flush()
  }

  #batch(count: number): void {
    const { meta, rx } = this.io
    const nowMicros = nowMicroseconds()
    for (let row = 0; row < count; row++) {
      const at = row * Meta.stride
      const offset = meta[at + Meta.offset]!
      const length = meta[at + Meta.length]!
      const kind = meta[at + Meta.kind]!
      if (kind === Kind.stun) {
        this.#stunMessage(row, offset, length)
        continue
      }
      const peer = this.#byTransport.get(meta[at + Meta.transport]!)
      if (!peer) continue
      if (kind === Kind.rtp) {
        peer.rtpPackets++
        if (peer.onRtp && readRtp(rx, offset, length, this.#view) === 0)
          peer.onRtp(this.#view, rx, nowMicros - meta[at + Meta.waitedUs]!)
      } else if (kind === Kind.rtcp) peer.onRtcp?.(rx, offset, length)
      else if (kind === Kind.data && meta[at + Meta.extra] === 1) peer.onData?.(rx.slice(offset, offset + length))
      else if (kind === Kind.connected) peer.wasConnected()
      else if (kind === Kind.closed) peer.wasClosed(meta[at + Meta.extra]!)
    }
  }

  #stunMessage(row: number, offset: number, length: number): void {
    const { rx } = this.io
    if (rx[offset] === 0) return this.#answer(row, offset, length)
    const transaction = Buffer.from(rx.buffer, rx.byteOffset + offset + TRANSACTION_AT, 12).toString('hex')
    this.#byTransaction.get(transaction)?.checked(row, rx[offset] === 1)
    this.#byTransaction.delete(transaction)
  }

  /** Servers with full ICE (Janus) check as well. */
  #answer(row: number, offset: number, length: number): void {
    const { rx, addrs, scratch } = this.io
    const at = row * Addr.stride
    const peer = this.#bySocket.get(addrs[at + Addr.socket]!)
    if (!peer || !readStun(rx, offset, length, this.#stun)) return
    this.io.reply(row, 0, writeBindingSuccess(scratch, 0, rx, this.#stun, addrs, at, peer.pwd))
  }
}

function addressRow(socket: number, { ip, port }: { ip: string; port: number }): Uint8Array {
  const row = new Uint8Array(Addr.stride)
  const bytes = ipBytes(ip)
  row[Addr.family] = bytes.length === 4 ? 4 : 6
  row[Addr.socket] = socket
  row[Addr.port] = port >> 8
  row[Addr.port + 1] = port
  row.set(bytes, Addr.ip)
  return row
}

/** One PeerConnection. */
export class ClientPeer implements LocalTransport {
  ufrag = randomBytes(4).toString('hex')
  pwd = randomBytes(16).toString('hex')
  readonly ip: string
  readonly transport: number
  socket: number
  port: number
  rtpPackets = 0
  /** The view and the bytes are valid during the call only; `arrivedMicros` is when the kernel had it, on the clock of `nowMicroseconds`. */
  onRtp: ((view: RtpView, bytes: Uint8Array, arrivedMicros: number) => void) | undefined
  onRtcp: ((bytes: Uint8Array, offset: number, length: number) => void) | undefined
  onData: ((packet: Uint8Array) => void) | undefined
  readonly connected: Promise<void>
  /** Resolves with a `CloseReason` when DTLS ends; never when this side ends it. */
  readonly closed: Promise<number>
  remote: RemoteTransport | undefined
  protected readonly io: PeerIo
  /** A pair has been found: checks only keep consent fresh (RFC 7675). */
  protected selected = false
  protected silent = false
  protected lastCheckMs = Number.NEGATIVE_INFINITY
  #resolveConnected!: () => void
  #resolveClosed!: (reason: number) => void

  constructor(io: PeerIo, { ip, socket, port, transport }: PeerPlace) {
    this.io = io
    this.ip = ip
    this.socket = socket
    this.port = port
    this.transport = transport
    this.connected = new Promise((resolve) => (this.#resolveConnected = resolve))
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve))
  }

  get fingerprint(): string {
    return this.io.io.fingerprint
  }

  /** Begins checks and, once one is answered, DTLS; resolves when that is up. */
  connect(remote: RemoteTransport): Promise<void> {
    this.remote = remote
    const role = remote.setup === 'active' ? 'server' : 'client'
    this.io.io.start(this.transport, role, remote.fingerprint)
    this.check(performance.now())
    this.io.io.flush()
    return this.connected
  }

  check(nowMs: number): void {
    const interval = this.selected ? CONSENT_INTERVAL_MS : CHECK_INTERVAL_MS
    if (!this.remote || this.silent || nowMs - this.lastCheckMs < interval) return
    this.lastCheckMs = nowMs
    this.io.sendCheck(this, this.remote)
  }

  /** A check was answered by the address of `row`. */
  checked(row: number, success: boolean): void {
    if (!success || this.selected) return
    this.selected = true
    this.io.io.select(this.transport, row)
  }

  wasConnected(): void {
    this.#resolveConnected()
  }

  wasClosed(reason: number): void {
    this.#resolveClosed(reason)
  }

  /** Seals and queues one packet; `flush` sends. */
  sendRtp(packet: OutgoingRtp, payload: Uint8Array, extension?: Uint8Array, length = payload.length): boolean {
    const { io } = this.io
    const { targets } = io
    targets.fill(0, 0, Target.stride)
    targets[Target.transport] = this.transport
    targets[Target.ssrc] = packet.ssrc
    targets[Target.markerPt] = (packet.marker ? 0x80 : 0) | packet.pt | (packet.padding ? PADDING : 0)
    targets[Target.extSeq] = packet.extSeq
    targets[Target.timestamp] = packet.timestamp
    if (extension) {
      io.scratch.set(extension, 0)
      targets[Target.extLength] = extension.length
    }
    return io.fanout(payload, 0, length, 0, 1) === 1
  }

  /** Sends one SCTP packet, whose checksum is put in. */
  sendData(packet: Uint8Array): boolean {
    return this.io.io.sctpSend(this.transport, packet, 0, packet.length)
  }

  sendRtcp(packet: Uint8Array): boolean {
    this.io.io.scratch.set(packet, 0)
    return this.io.io.rtcp(this.transport, 0, packet.length)
  }

  flush(): void {
    this.io.io.flush()
  }

  /** Says farewell and forgets everything. */
  close(): void {
    this.io.forget(this)
    this.io.io.free(this.transport)
  }
}
