/**
 * The way to another worker, and what goes along it: packets as they came, each in an RTP packet of the link's own, sealed
 * under keys that only both workers have.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|0|0| CC=0  |0|    frame    |  number of it on this link    |
 * |                number of the mirror                           |   where RTP has its timestamp
 * |     SSRC: 1, then another one for every 65,536 packets        |
 * |      RTP or compound RTCP, in the clear for who has the keys  |
 * ```
 *
 * SSRC and number together count the packets of a link, so that the other end never has to guess how often the number has
 * wrapped, and goes on after any number of lost packets.
 *
 * Nothing is repeated on a link: what is lost there is asked for like what is lost anywhere.
 */
import type { ForwardContext } from '../context.js'
import type { Outbox } from '../outbox.js'

/** What a packet of a link carries; stands where RTP has its payload type, below those that mean RTCP (RFC 5761 §4). */
export const Frame = {
  /** To the mirror: RTP of the publisher. */
  packet: 0,
  /** The same, of somebody who is not among the loudest of the room. */
  inaudible: 1,
  /** To the mirror: RTCP of the publisher. */
  report: 2,
  /** From the mirror: RTCP for the publisher. */
  request: 3,
} as const

/** Bytes in front of the packet. */
export const FRAME_BYTES = 12
/** What is longer does not fit a datagram of a link (`MAX_DATAGRAM`), with what seals it. */
export const PACKET_MAX_BYTES = 1472
/** Packets under one SSRC: no number may be used twice with it. */
const NUMBERS = 0x1_0000

export class Link {
  /** Transport of the io; −1 = there is none (any more), and nothing is sent. */
  transport = -1
  #ssrc = 1
  #number = 0
  #expected = -1
  /** Packets that did not arrive. */
  lost = 0

  /** Goes on over `transport`, which has new keys. */
  renew(transport: number): void {
    this.transport = transport
    this.#ssrc = 1
    this.#number = 0
    this.#expected = -1
  }

  /** Writes the row of a packet that was begun. */
  row(out: Pick<Outbox, 'row'>, frame: number, mirror: number): void {
    if (this.#number === NUMBERS) {
      this.#ssrc++
      this.#number = 0
    }
    out.row(this.transport, this.#ssrc, frame, this.#number++, mirror, 0, 0, 0, 0, 0)
  }

  /** A packet with that SSRC and number came. */
  received(ssrc: number, number: number): void {
    const count = ssrc * NUMBERS + number
    // One that was overtaken, which hardly happens within a machine, was counted as lost.
    if (count < this.#expected) return
    if (this.#expected >= 0) this.lost += count - this.#expected
    this.#expected = count + 1
  }
}

/** The route from one publisher to one mirror, or back. */
export interface RelayRoute {
  readonly link: Link
  /** Number of the mirror, below 2^32. */
  readonly mirror: number
}

/** Sends `bytes[offset … offset + length)` along all of `routes`. @returns how many took it */
export function passOn(
  { out }: ForwardContext,
  routes: readonly RelayRoute[],
  frame: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  const before = out.queued
  out.begin(bytes, offset, length, 0)
  for (let i = 0; i < routes.length; i++) {
    const { link, mirror } = routes[i]!
    if (link.transport >= 0) link.row(out, frame, mirror)
  }
  out.send()
  return out.queued - before
}
