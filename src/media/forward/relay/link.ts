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
 * |                SSRC: 1, 2, … as numbers are used up           |
 * |      RTP or compound RTCP, in the clear for who has the keys  |
 * ```
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
/** `Target.extSeq` ends there, and no number may be used twice under one SSRC and key. */
const LAST_NUMBER = 0xffff_ffff

export class Link {
  /** Of the io; −1 = not there (any more): nothing is sent. */
  transport = -1
  readonly #first: number
  #ssrc = 1
  #number: number
  #expected = -1
  /** Packets that did not arrive. */
  lost = 0

  /** @param first number of the first packet, 0…2^32−1 */
  constructor(first = 0) {
    this.#first = first
    this.#number = first
  }

  /** Goes on over `transport`, which has new keys. */
  renew(transport: number): void {
    this.transport = transport
    this.#ssrc = 1
    this.#number = this.#first
    this.#expected = -1
  }

  /** Writes the row of a packet that was begun. */
  row(out: Pick<Outbox, 'row'>, frame: number, mirror: number): void {
    if (this.#number > LAST_NUMBER) {
      this.#ssrc++
      this.#number = 0
    }
    out.row(this.transport, this.#ssrc, frame, this.#number++, mirror, 0, 0, 0, 0, 0)
  }

  /** A packet with that number came, the low 16 bits of it. */
  received(number: number): void {
    if (this.#expected >= 0) {
      const missing = (number - this.#expected) & 0xffff
      // One that was overtaken, which hardly happens within a machine, was counted as lost.
      if (missing < 0x8000) this.lost += missing
      else return
    }
    this.#expected = (number + 1) & 0xffff
  }
}

/** The way from one publisher to one mirror, or back. */
export interface Way {
  readonly link: Link
  /** Number of the mirror, below 2^32. */
  readonly mirror: number
}

/** Sends `bytes[offset … offset + length)` along all of `ways`. @returns how many took it */
export function passOn(
  { out }: ForwardContext,
  ways: readonly Way[],
  frame: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  const before = out.queued
  out.begin(bytes, offset, length, 0)
  for (let i = 0; i < ways.length; i++) {
    const { link, mirror } = ways[i]!
    if (link.transport >= 0) link.row(out, frame, mirror)
  }
  out.send()
  return out.queued - before
}
