/**
 * WebRTC clients without a browser: the addon in the client's role, many peers in one process, cheap enough to
 * load a server with. Each peer has a UDP socket of its own, as browsers have.
 */
import { randomBytes } from 'node:crypto'
import { readStun, StunView } from '../../src/media/endpoint/stun.js'
import { writeBindingSuccess } from '../../src/media/endpoint/stun-write.js'
import { buildBindingRequest } from '../../src/media/endpoint/testing/stun-client.js'
import { openNativeIo } from '../../src/media/io/binding.js'
import { Addr, Kind, type MediaIo, Meta, PADDING, Target } from '../../src/media/io/io.js'
import { newRtpView, type RtpView, readRtp } from '../../src/media/rtp/packet.js'

export interface RemoteTransport {
  ip: string
  port: number
  ufrag: string
  pwd: string
  fingerprint: Uint8Array
  /** The server's DTLS role. */
  setup: 'active' | 'passive' | 'actpass'
}

export interface OutgoingRtp {
  ssrc: number
  pt: number
  extSeq: number
  timestamp: number
  marker: boolean
  /** The payload ends with padding. */
  padding?: boolean
}

const CHECK_INTERVAL_MS = 50
const CONSENT_INTERVAL_MS = 2_500
const TRANSACTION_AT = 8

/** Reads what a client needs out of one of our server's descriptions. */
export function readRemote(sdp: string): RemoteTransport {
  const value = (pattern: RegExp) => {
    const found = pattern.exec(sdp)
    if (!found) throw new Error(`no ${pattern} in the description`)
    return found
  }
  const candidate = value(/a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/)
  return {
    ip: candidate[1]!,
    port: Number(candidate[2]),
    ufrag: value(/a=ice-ufrag:(\S+)/)[1]!,
    pwd: value(/a=ice-pwd:(\S+)/)[1]!,
    fingerprint: Uint8Array.from(value(/a=fingerprint:sha-256 (\S+)/)[1]!.split(':'), (byte) =>
      Number.parseInt(byte, 16),
    ),
    setup: value(/a=setup:(\S+)/)[1] as RemoteTransport['setup'],
  }
}

/** Sockets that one io takes. */
const PEERS_PER_IO = 32

/** All client peers of one process, on as many ios as they need. */
export class MediaClients {
  #ios: ClientIo[] = []
  readonly #address: string

  /** @param address of the peers' sockets (IPv4) */
  constructor(address = '127.0.0.1') {
    this.#address = address
  }

  peer(): MediaPeer {
    let last = this.#ios.at(-1)
    if (!last || last.opened === PEERS_PER_IO) this.#ios.push((last = new ClientIo(this.#address)))
    return last.peer()
  }

  /** Sends what all peers have queued. */
  flush(): void {
    for (const { io } of this.#ios) io.flush()
  }

  async close(): Promise<void> {
    await Promise.all(this.#ios.splice(0).map((io) => io.close()))
  }
}

class ClientIo {
  /** Peers so far: sockets are not given back one by one. */
  opened = 0
  readonly io: MediaIo
  readonly #byTransport = new Map<number, MediaPeer>()
  readonly #byTransaction = new Map<string, MediaPeer>()
  readonly #peers = new Set<MediaPeer>()
  readonly #checks: NodeJS.Timeout
  readonly #view = newRtpView()
  readonly #stun = new StunView()
  readonly #bySocket = new Map<number, MediaPeer>()
  readonly #address: string

  constructor(address: string) {
    this.#address = address
    this.io = openNativeIo({}, (count) => this.#batch(count))
    this.#checks = setInterval(() => this.#check(), CHECK_INTERVAL_MS)
  }

  peer(): MediaPeer {
    this.opened++
    const { socket, port } = this.io.listen(this.#address, 0)
    const peer = new MediaPeer(this, socket, port, this.io.allocate())
    this.#byTransport.set(peer.transport, peer)
    this.#bySocket.set(socket, peer)
    this.#peers.add(peer)
    return peer
  }

  sendCheck(peer: MediaPeer, remote: RemoteTransport): void {
    const transactionId = randomBytes(12)
    this.#byTransaction.set(transactionId.toString('hex'), peer)
    const check = buildBindingRequest({
      username: `${remote.ufrag}:${peer.ufrag}`,
      pwd: remote.pwd,
      useCandidate: true,
      transactionId,
    })
    this.sendPlain(peer, remote, check)
  }

  /** Plain bytes from a peer's socket: checks, and whatever an attacker may think of. */
  sendPlain(peer: MediaPeer, to: { ip: string; port: number }, bytes: Uint8Array): void {
    const addr = new Uint8Array(Addr.stride)
    addr[Addr.family] = 4
    addr[Addr.socket] = peer.socket
    addr[Addr.port] = to.port >> 8
    addr[Addr.port + 1] = to.port
    addr.set(to.ip.split('.').map(Number), Addr.ip)
    this.io.scratch.set(bytes, 0)
    this.io.sendTo(addr, 0, bytes.length)
  }

  forget(peer: MediaPeer): void {
    this.#peers.delete(peer)
    this.#byTransport.delete(peer.transport)
    this.#bySocket.delete(peer.socket)
  }

  async close(): Promise<void> {
    clearInterval(this.#checks)
    for (const peer of [...this.#peers]) peer.close()
    await this.io.close()
  }

  /** Servers with full ICE (Janus) check as well. */
  #answer(row: number, offset: number, length: number): void {
    const { rx, addrs, scratch } = this.io
    const at = row * Addr.stride
    const peer = this.#bySocket.get(addrs[at + Addr.socket]!)
    if (!peer || !readStun(rx, offset, length, this.#stun)) return
    this.io.reply(row, 0, writeBindingSuccess(scratch, 0, rx, this.#stun, addrs, at, peer.pwd))
  }

  #check(): void {
    const nowMs = performance.now()
    for (const peer of this.#peers) peer.check(nowMs)
    if (this.#byTransaction.size > 10_000) this.#byTransaction.clear()
    this.io.flush()
  }

  #batch(count: number): void {
    const { meta, rx } = this.io
    for (let row = 0; row < count; row++) {
      const at = row * Meta.stride
      const offset = meta[at + Meta.offset]!
      const length = meta[at + Meta.length]!
      const kind = meta[at + Meta.kind]!
      if (kind === Kind.stun && rx[offset] === 0) {
        this.#answer(row, offset, length)
        continue
      }
      if (kind === Kind.stun) {
        const transaction = Buffer.from(rx.buffer, rx.byteOffset + offset + TRANSACTION_AT, 12).toString('hex')
        this.#byTransaction.get(transaction)?.checked(row, rx[offset] === 1)
        this.#byTransaction.delete(transaction)
        continue
      }
      const peer = this.#byTransport.get(meta[at + Meta.transport]!)
      if (!peer) continue
      if (kind === Kind.rtp) {
        peer.rtpPackets++
        if (peer.onRtp && readRtp(rx, offset, length, this.#view) === 0) peer.onRtp(this.#view, rx)
      } else if (kind === Kind.rtcp) peer.onRtcp?.(rx, offset, length)
      else if (kind === Kind.data) peer.onData?.(rx.slice(offset, offset + length))
      else if (kind === Kind.connected) peer.wasConnected()
      else if (kind === Kind.closed) peer.wasClosed(meta[at + Meta.extra]!)
    }
  }
}

export class MediaPeer {
  ufrag = randomBytes(4).toString('hex')
  pwd = randomBytes(16).toString('hex')
  readonly transport: number
  socket: number
  port: number
  rtpPackets = 0
  /** The view and the bytes are valid during the call only. */
  onRtp: ((view: RtpView, bytes: Uint8Array) => void) | undefined
  onRtcp: ((bytes: Uint8Array, offset: number, length: number) => void) | undefined
  onData: ((packet: Uint8Array) => void) | undefined
  readonly connected: Promise<void>
  /** Resolves with a `CloseReason` when DTLS ends. */
  readonly closed: Promise<number>
  remote: RemoteTransport | undefined
  #clients: ClientIo
  #selected = false
  #silent = false
  #lastCheckMs = Number.NEGATIVE_INFINITY
  #resolveConnected!: () => void
  #resolveClosed!: (reason: number) => void

  constructor(clients: ClientIo, socket: number, port: number, transport: number) {
    this.#clients = clients
    this.socket = socket
    this.port = port
    this.transport = transport
    this.connected = new Promise((resolve) => (this.#resolveConnected = resolve))
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve))
  }

  /** Begins checks and, once one is answered, DTLS. */
  connect(remote: RemoteTransport): Promise<void> {
    this.remote = remote
    const role = remote.setup === 'active' ? 'server' : 'client'
    this.#clients.io.start(this.transport, role, remote.fingerprint)
    this.check(performance.now())
    this.#clients.io.flush()
    return this.connected
  }

  check(nowMs: number): void {
    const interval = this.#selected ? CONSENT_INTERVAL_MS : CHECK_INTERVAL_MS
    if (!this.remote || this.#silent || nowMs - this.#lastCheckMs < interval) return
    this.#lastCheckMs = nowMs
    this.#clients.sendCheck(this, this.remote)
  }

  /** Sends no more checks, and says no farewell either: as if the power went off. */
  fallSilent(): void {
    this.#silent = true
  }

  /** Another network that the client does not notice (a NAT forgot it): a new socket, and everything else as before. */
  changePort(): void {
    const { socket, port } = this.#clients.io.listen('127.0.0.1', 0)
    Object.assign(this, { socket, port })
    this.#selected = false
    this.#silent = false
    this.#lastCheckMs = Number.NEGATIVE_INFINITY
  }

  /** Another network: a new socket and new ICE credentials (RFC 8445 §9), the same DTLS association. Then offer. */
  moveToNewSocket(): void {
    const { socket, port } = this.#clients.io.listen('127.0.0.1', 0)
    Object.assign(this, { socket, port, ufrag: randomBytes(4).toString('hex'), pwd: randomBytes(16).toString('hex') })
  }

  /** Checks from the new socket go to what the server answered. */
  resume(remote: RemoteTransport): void {
    this.remote = remote
    this.#selected = false
    this.#silent = false
    this.check(performance.now())
  }

  /** A check was answered by the address of `row`. */
  checked(row: number, success: boolean): void {
    if (!success || this.#selected) return
    this.#selected = true
    this.#clients.io.select(this.transport, row)
  }

  wasConnected(): void {
    this.#resolveConnected()
  }

  wasClosed(reason: number): void {
    this.#resolveClosed(reason)
  }

  /** Seals and queues one packet; `flush` sends. */
  sendRtp(packet: OutgoingRtp, payload: Uint8Array, extension?: Uint8Array): boolean {
    const { io } = this.#clients
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
    return io.fanout(payload, 0, payload.length, 0, 1) === 1
  }

  /** Sends one SCTP packet. */
  sendData(packet: Uint8Array): boolean {
    return this.#clients.io.dtlsSend(this.transport, packet, 0, packet.length)
  }

  sendRtcp(packet: Uint8Array): boolean {
    this.#clients.io.scratch.set(packet, 0)
    return this.#clients.io.rtcp(this.transport, 0, packet.length)
  }

  flush(): void {
    this.#clients.io.flush()
  }

  close(): void {
    this.#clients.forget(this)
    this.#clients.io.free(this.transport)
  }

  /** For an ICE restart: what it offers next has new credentials. Set `remote` when the answer has come. */
  newCredentials(): void {
    this.ufrag = randomBytes(4).toString('hex')
    this.pwd = randomBytes(16).toString('hex')
    this.#lastCheckMs = Number.NEGATIVE_INFINITY
  }

  /** An offer of this peer: a data m-line, then the given media m-lines. */
  offer(media: { audio?: number; video?: number } = {}): string {
    const mlines = ['application', ...(media.audio ? ['audio'] : []), ...(media.video ? ['video'] : [])]
    return description(this, mlines, 'actpass', 'sendonly', media)
  }

  /** Answers one of our server's offers: takes everything. */
  answer(offer: string): string {
    const mids = [...offer.matchAll(/^m=(\w+)/gm)].map((found) => found[1]!)
    return description(this, mids, 'active', 'recvonly', {})
  }

  get fingerprint(): string {
    return this.#clients.io.fingerprint
  }
}

function description(
  peer: MediaPeer,
  mlines: readonly string[],
  setup: string,
  direction: string,
  ssrcs: { audio?: number; video?: number },
): string {
  const media: Record<string, string[]> = {
    application: ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=sctp-port:5000', 'a=max-message-size:262144'],
    audio: [
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=rtpmap:111 opus/48000/2',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
      'a=rtcp-mux',
      `a=${direction}`,
    ],
    video: [
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:4 urn:3gpp:video-orientation',
      'a=rtcp-mux',
      `a=${direction}`,
    ],
  }
  const lines = ['v=0', 'o=- 4611731400430051336 2 IN IP4 127.0.0.1', 's=-', 't=0 0']
  lines.push(`a=group:BUNDLE ${mlines.map((_, mid) => mid).join(' ')}`)
  for (const [mid, kind] of mlines.entries()) {
    const ssrc = kind === 'application' ? undefined : ssrcs[kind as 'audio' | 'video']
    lines.push(
      ...media[kind]!,
      'c=IN IP4 0.0.0.0',
      `a=mid:${mid}`,
      `a=ice-ufrag:${peer.ufrag}`,
      `a=ice-pwd:${peer.pwd}`,
    )
    lines.push(`a=fingerprint:sha-256 ${peer.fingerprint}`, `a=setup:${setup}`)
    if (ssrc !== undefined) lines.push(`a=ssrc:${ssrc} cname:client`)
  }
  return `${lines.join('\r\n')}\r\n`
}
