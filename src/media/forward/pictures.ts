/**
 * What the last packets of an encoding said about layers and pictures, by number: what is sent again has to be what was
 * sent before, also when the publisher's layers mean something else by now.
 */
import type { Packet } from './packet.js'

const SLOTS = 2048
const Column = { extSeq: 0, present: 1, ends: 2, pictureId: 3, tl0PicIdx: 4, keyIdx: 5, stride: 6 } as const

export class Pictures {
  readonly #rows = new Int32Array(SLOTS * Column.stride).fill(-1)

  /** Keeps what the packet says of its picture, in place of one long before. */
  add(packet: Packet): void {
    const rows = this.#rows
    const at = (packet.extSeq % SLOTS) * Column.stride
    rows[at + Column.extSeq] = packet.extSeq
    rows[at + Column.present] = packet.layered ? packet.present : -1
    rows[at + Column.ends] = packet.layered ? packet.ends : 0
    rows[at + Column.pictureId] = packet.pictureId
    rows[at + Column.tl0PicIdx] = packet.tl0PicIdx
    rows[at + Column.keyIdx] = packet.keyIdx
  }

  /** @returns where the row of `extSeq` is, −1 when it is not known any more */
  find(extSeq: number): number {
    const at = (extSeq % SLOTS) * Column.stride
    return extSeq >= 0 && this.#rows[at + Column.extSeq] === (extSeq | 0) ? at : -1
  }

  /** Targets that need the packet of a row from `find`, and those that end with it. */
  presentAt(at: number): number {
    return this.#rows[at + Column.present]!
  }

  endsAt(at: number): number {
    return this.#rows[at + Column.ends]!
  }

  /** −1 = it has none. */
  pictureIdAt(at: number): number {
    return this.#rows[at + Column.pictureId]!
  }

  tl0PicIdxAt(at: number): number {
    return this.#rows[at + Column.tl0PicIdx]!
  }

  keyIdxAt(at: number): number {
    return this.#rows[at + Column.keyIdx]!
  }
}
