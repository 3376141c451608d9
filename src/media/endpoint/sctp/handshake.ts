/**
 * Setting an association up (RFC 9260 §5), and which packets belong to it.
 *
 *   closed ──connect──▶ cookie-wait ──INIT ACK──▶ cookie-echoed ──COOKIE ACK──▶ established ──▶ ended
 *      └───────────── COOKIE ECHO of the peer, from any of these ──────────────────▶ ┘
 *
 * Both sides may begin at once. A peer that begins anew over the same DTLS gets a new association (§5.2.2).
 */
import { readU16 } from '../../rtp/big-endian.js'
import type { SctpHost } from './host.js'
import { ChunkType, COMMON_HEADER_BYTES, type PacketWriter, readInt32, SctpReason } from './packet.js'
import { type Offer, Offers, type Peer, readPeer, writeInit } from './setup.js'

/** Retransmissions of INIT or COOKIE ECHO before the peer counts as gone (§16). */
const MAX_RETRANSMITS = 8
const MAX_INTERVAL_MS = 8_000

export interface HandshakeOwner {
  /** Sends a packet; the bytes are valid during the call only. */
  transmit(bytes: Uint8Array): boolean
  /** The peer's numbers are known: what comes from now on can be understood. */
  adopted(peer: Peer): void
  /** Data may be sent. */
  established(): void
  /** The peer has begun anew (§5.2.2): whatever was sent and received is void, and our own numbers are others. */
  restarted(peer: Peer): void
}

const randomTag = (host: SctpHost): number => host.random() | 0 || 1
/** So low that a billion chunks fit below 2^31, from where on a number that is handed on is an object on the heap. */
const randomTsn = (host: SctpHost): number => host.random() >>> 2

export class Handshake {
  readonly #owner: HandshakeOwner
  readonly #writer: PacketWriter
  readonly #host: SctpHost
  readonly #offers: Offers
  #state: 'closed' | 'cookie-wait' | 'cookie-echoed' | 'established' | 'ended' = 'closed'
  #localTag: number
  #initialTsn: number
  #peer: Peer | undefined
  #deadlineMs = Number.POSITIVE_INFINITY
  #retransmits = 0

  /** @param writer may be shared: what is written is sent before a method returns @param initialTsn default: by chance */
  constructor(owner: HandshakeOwner, writer: PacketWriter, host: SctpHost, initialTsn?: number) {
    this.#owner = owner
    this.#writer = writer
    this.#host = host
    this.#offers = new Offers(host)
    this.#localTag = randomTag(host)
    this.#initialTsn = initialTsn ?? randomTsn(host)
  }

  get isEstablished(): boolean {
    return this.#state === 'established'
  }

  get hasEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Chunks of data and control are understood: the peer may send them before it knows that we know (§5.1 D). */
  get takesData(): boolean {
    return this.#state === 'established' || this.#state === 'cookie-echoed'
  }

  /** What INIT or INIT ACK of the peer said, once it counts. */
  get peer(): Peer | undefined {
    return this.#peer
  }

  /** First TSN that we send. */
  get initialTsn(): number {
    return this.#initialTsn
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** Sends INIT, unless set-up is under way. @param rtoMs how long to wait for the answer */
  connect(nowMs: number, rtoMs: number): void {
    if (this.#state !== 'closed') return
    this.#state = 'cookie-wait'
    this.#retransmits = 0
    this.#send(nowMs, rtoMs)
  }

  /** Sends again what got no answer. @returns false when that has been done often enough */
  expire(nowMs: number, rtoMs: number): boolean {
    if (nowMs < this.#deadlineMs) return true
    if (++this.#retransmits > MAX_RETRANSMITS) return false
    this.#send(nowMs, rtoMs)
    return true
  }

  /** Nothing more is sent or understood. */
  end(): void {
    this.#state = 'ended'
    this.#deadlineMs = Number.POSITIVE_INFINITY
  }

  /** Whether the tag of a packet (checked by `checkPacket`) is the one that its first chunk has to come with (§8.5). */
  hasRightTag(bytes: Uint8Array, offset: number): boolean {
    const tag = readInt32(bytes, offset + 4)
    const at = offset + COMMON_HEADER_BYTES
    const first = bytes[at]!
    // ABORT of a peer that does not know us any more carries its own tag and the T bit (§8.5.1).
    if (first === ChunkType.abort && (bytes[at + 1]! & 1) === 1) return tag === this.#peer?.tag
    // What a cookie stands for has the tag that came with it (§5.2.4, 3).
    const offered = first === ChunkType.cookieEcho ? this.#offers.take(bytes, at, readU16(bytes, at + 2)) : undefined
    return tag === (offered?.localTag ?? this.#localTag)
  }

  /** These return one of `SctpReason`; the chunk is at `at`, checked by `checkPacket`. */
  receiveInit(bytes: Uint8Array, at: number, length: number): number {
    const peer = readPeer(bytes, at, length)
    if (peer === undefined) return SctpReason.parameter
    const isUp = this.#state === 'established'
    // The INIT of the association that is there: a copy that took its time.
    if (isUp && this.#isCurrent(peer)) return SctpReason.accepted
    // One that is there goes on until the cookie comes back: the new one gets numbers of its own.
    const offer = isUp
      ? this.#offers.make(peer, randomTag(this.#host), randomTsn(this.#host))
      : this.#offers.make(peer, this.#localTag, this.#initialTsn)
    this.#writer.start(peer.tag)
    writeInit(this.#writer, offer.localTag, offer.initialTsn, offer.cookie)
    this.#owner.transmit(this.#writer.finish())
    return SctpReason.accepted
  }

  /** @param rtoMs how long to wait for the answer to the cookie */
  receiveInitAck(nowMs: number, rtoMs: number, bytes: Uint8Array, at: number, length: number): number {
    if (this.#state !== 'cookie-wait') return SctpReason.accepted // a repeated answer
    const peer = readPeer(bytes, at, length)
    if (peer?.cookie === undefined) return SctpReason.parameter
    this.#peer = peer
    this.#owner.adopted(peer)
    this.#state = 'cookie-echoed'
    this.#retransmits = 0
    this.#send(nowMs, rtoMs)
    return SctpReason.accepted
  }

  receiveCookieEcho(bytes: Uint8Array, at: number, length: number): number {
    const offered = this.#offers.take(bytes, at, length)
    if (offered === undefined) return SctpReason.state
    if (this.#peer === undefined) {
      this.#peer = offered.peer
      this.#owner.adopted(offered.peer)
    } else if (!this.#isCurrent(offered.peer)) this.#restart(offered)
    // Whoever was told may have closed it.
    if (this.hasEnded) return SctpReason.accepted
    this.sendAlone(ChunkType.cookieAck)
    if (!this.isEstablished) this.#establish()
    return SctpReason.accepted
  }

  receiveCookieAck(): number {
    if (this.#state === 'cookie-echoed') this.#establish()
    return SctpReason.accepted
  }

  /** A packet with one chunk to the peer; without a tag as long as there is none. */
  sendAlone(type: number, body?: Uint8Array): void {
    const writer = this.#writer
    writer.start(this.#peer?.tag ?? 0)
    writer.startChunk(type, 0)
    if (body !== undefined) writer.copy(body, 0, body.length)
    writer.endChunk()
    this.#owner.transmit(writer.finish())
  }

  #isCurrent(peer: Peer): boolean {
    return this.#peer?.tag === peer.tag && this.#peer.initialTsn === peer.initialTsn
  }

  /** §5.2.4 A and B: the peer's new association takes the place of the one before. */
  #restart({ peer, localTag, initialTsn }: Offer): void {
    this.#localTag = localTag
    this.#initialTsn = initialTsn
    this.#peer = peer
    this.#owner.restarted(peer)
  }

  #establish(): void {
    this.#state = 'established'
    this.#deadlineMs = Number.POSITIVE_INFINITY
    this.#owner.established()
  }

  /** INIT or COOKIE ECHO, whichever set-up waits for the answer of. */
  #send(nowMs: number, rtoMs: number): void {
    this.#deadlineMs = nowMs + Math.min(rtoMs * 2 ** this.#retransmits, MAX_INTERVAL_MS)
    if (this.#state === 'cookie-echoed') return this.sendAlone(ChunkType.cookieEcho, this.#peer?.cookie)
    this.#writer.start(0)
    writeInit(this.#writer, this.#localTag, this.#initialTsn)
    this.#owner.transmit(this.#writer.finish())
  }
}
