/**
 * H-31: chunks into an association, with ports, tag and checksum right: into one that is established, and that its peer begins anew at
 * times, and into one that has sent INIT and waits for the answer.
 */
import assert from 'node:assert/strict'
import { RawPeer } from '../src/media/endpoint/testing/raw-peer.js'
import { chunk, chunksOf } from '../src/media/endpoint/testing/sctp-chunks.js'
import type { Known } from './sctp-grammar.js'

const BUFFER_BYTES = 1 << 20
/** Besides `BUFFER_BYTES`: the fixed cost of a message and a longest one. */
const SLACK_BYTES = 1024
const EVENTS_KEPT = 100
const COOKIE_BYTES = 16
const MAX_ECHO_BYTES = 1024
/** Packets into an association that was begun here. */
const BEGUN_FOR_PACKETS = 15
/** Packets after which an established one is asked whether it lives. */
const ASKED_EVERY_PACKETS = 50
const Type = { data: 0, init: 1, initAck: 2, cookieEcho: 10, cookieAck: 11 }
const channels = [
  { label: 'fuzz', protocol: '', ordered: true },
  { label: 'loose', protocol: '', ordered: false, maxRetransmits: 0 },
  { label: 'timed', protocol: '', ordered: true, maxPacketLifeTimeMs: 100 },
]

/** An association, and the numbers that its peer knows. */
class Body {
  readonly peer = new RawPeer()
  #turn = 0
  #sentTsn = 0
  /** What the last INIT was answered with: the cookie has not gone back. */
  #offer: { tag: number; tsn: number; sentTsn: number; cookie: Uint8Array } | undefined
  /** Associations that took the place of the one before. */
  restarts = 0
  /** INIT ACKs that were taken. */
  adopted = 0

  /** @param begins whether the association itself sends INIT; otherwise it is established already */
  constructor(begins: boolean) {
    if (begins) {
      this.peer.send(channels[0]!, true, new Uint8Array(1))
      this.peer.tag = this.peer.received
        .flatMap(chunksOf)
        .find(({ type }) => type === Type.init)!
        .body.readUInt32BE()
    } else this.peer.connect().open(2, 'fuzz')
  }

  get #takesUp(): boolean {
    return this.#offer !== undefined && this.#turn % 3 === 0
  }

  get hasEnded(): boolean {
    return this.peer.events.some((event) => event.startsWith('failed '))
  }

  known(): Known {
    const { tsn, cookie } = this.peer
    const offer = this.#offer
    return { tsn: this.#takesUp ? offer!.tsn : tsn, sentTsn: this.#sentTsn, cookie: offer?.cookie ?? cookie }
  }

  /** One packet; INIT goes out with tag 0, and what INIT was answered with is taken up at times. */
  say(chunks: Uint8Array): void {
    const { peer } = this
    const answered = peer.received.length
    if (chunks[0] === Type.init) peer.say([chunks], 0)
    else if (this.#takesUp) peer.say([chunk(Type.cookieEcho, 0, [...this.#offer!.cookie]), chunks], this.#offer!.tag)
    else peer.say([chunks])
    peer.tsn = (peer.tsn + 1) >>> 0
    this.#note(peer.received.slice(answered), chunks)
    if (this.#turn++ % 4 === 0) {
      peer.send(channels[this.#turn % channels.length]!, true, new Uint8Array(1 + (this.#turn % 3000)))
    }
    if (this.#turn % 16 === 0) peer.wait(700)
    peer.association.expire(peer.nowMs)
  }

  /** Learns from what the association sent when it got `chunks`. */
  #note(packets: Uint8Array[], chunks: Uint8Array): void {
    for (const { type, body } of packets.flatMap(chunksOf)) {
      if (type === Type.initAck) {
        this.#offer = {
          tag: body.readUInt32BE(),
          tsn: Buffer.from(chunks).readUInt32BE(16),
          sentTsn: (body.readUInt32BE(12) - 1) >>> 0,
          cookie: body.subarray(body.length - COOKIE_BYTES),
        }
      }
      if (type === Type.cookieAck && this.#takesUp) this.#begunAnew()
      if (type === Type.cookieEcho) this.#echoed(body, chunks)
    }
  }

  #begunAnew(): void {
    const { tag, tsn, cookie, sentTsn } = this.#offer!
    Object.assign(this.peer, { tag, tsn, cookie })
    this.#sentTsn = sentTsn
    this.#offer = undefined
    this.restarts++
  }

  #echoed(cookie: Buffer, chunks: Uint8Array): void {
    assert.ok(cookie.length > 0 && cookie.length <= MAX_ECHO_BYTES, `a cookie of ${cookie.length} bytes`)
    assert.ok(Buffer.from(chunks).includes(cookie), 'the cookie that came')
    this.adopted++
  }

  /** @throws Error when something is not as it is in every association */
  check(): void {
    const { peer } = this
    const { association } = peer
    const { bufferedBytes, channels: open } = association.live()
    assert.ok(bufferedBytes >= 0 && bufferedBytes <= BUFFER_BYTES + SLACK_BYTES, `${bufferedBytes} bytes are buffered`)
    assert.ok(open >= 0 && open <= 64, `${open} channels`)
    assert.ok(peer.received.length < 2000, `${peer.received.length} packets`)
    for (const bytes of peer.received) assert.ok(bytes.length <= 1180)
    if (this.hasEnded) return assert.equal(association.deadlineMs, Number.POSITIVE_INFINITY)
    assert.ok(association.deadlineMs > peer.nowMs - 1 && !Number.isNaN(association.deadlineMs), 'a deadline to come')
    const sent = peer.received.flatMap(chunksOf).findLast(({ type }) => type === Type.data)
    this.#sentTsn = sent?.body.readUInt32BE() ?? this.#sentTsn
    peer.received.splice(0, Math.max(0, peer.received.length - 4))
    peer.events.splice(0, Math.max(0, peer.events.length - EVENTS_KEPT))
  }
}

let body = new Body(false)
let begun = new Body(true)
let packets = 0
let begunPackets = 0
/** How often what was to be reached was reached, since the process began. */
export const reached = { restarts: 0, adopted: 0 }

/** What the association is at, for a grammar. */
export const known = (): Known => body.known()
/** The same of the one that was begun here. */
export const knownOfBegun = (): Known => begun.known()

/** Chunks into an established association. @throws Error when the association breaks, or does not end for a reason */
export function fuzz(chunks: Uint8Array): void {
  const { restarts } = body
  body.say(chunks)
  body.check()
  reached.restarts += body.restarts - restarts
  if (body.hasEnded) body = new Body(false)
  else if (++packets % ASKED_EVERY_PACKETS === 0) goesOn()
}

/** Chunks into an association that waits for INIT ACK or COOKIE ACK, or has just got them. @throws Error as `fuzz` does */
export function fuzzSetUp(chunks: Uint8Array): void {
  const { adopted } = begun
  begun.say(chunks)
  begun.check()
  reached.adopted += begun.adopted - adopted
  if (begun.hasEnded || ++begunPackets % BEGUN_FOR_PACKETS === 0) begun = new Body(true)
}

/** The association that all this went into answers. */
export function goesOn(): void {
  assert.ok(body.peer.isAlive(), 'a heartbeat is answered')
}
