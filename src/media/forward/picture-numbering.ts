/**
 * Numbers that pictures carry themselves (picture id, TL0PICIDX and KEYIDX of VP8 and VP9), as one subscription gets them:
 * another run of a stream goes on from the last picture that was sent, and VP8 pictures that are left out leave no gap.
 */
import { VP8 } from './codec-table.js'
import type { PictureDeltas } from './descriptor-rewrite.js'
import type { Packet } from './packet.js'
import type { Pictures } from './pictures.js'
import { Note, type SequenceMap } from './sequence-map.js'

const PICTURE_ID_MASK = 0x7fff
const TL0_PIC_IDX_MASK = 0xff
const KEY_IDX_MASK = 0x1f
/** The last picture is looked for so many packets back: padding behind it has none. */
const MAX_PADDING = 64

/** How a packet's descriptor is to be written. */
export interface Renumbering extends PictureDeltas {
  /** The payload descriptor is to be written with other numbers, which are these. */
  rewritten: boolean
}

/** The number after `sent` for what has `source`, as a difference; −1 = absent. */
const deltaAfter = (sent: number, source: number, mask: number) =>
  sent < 0 || source < 0 ? 0 : (sent + 1 - source) & mask

const sentAs = (source: number, delta: number, mask: number) => (source < 0 ? -1 : (source + delta) & mask)

export class PictureNumbering {
  readonly #map: SequenceMap
  /** The next run's pictures are numbered on from the last one. */
  #continues = false
  /** Last picture of the run before, as it was sent; −1 = absent. */
  readonly #last = { pictureId: -1, tl0PicIdx: -1, keyIdx: -1 }
  #pictureDelta = 0
  /** The one that held for `map.newestSource`: while nothing is mapped, pictures that are left out still count. */
  #newestPictureDelta = 0
  #tl0Delta = 0
  #keyIdxDelta = 0
  /** Source number of the picture that was left out last. */
  #leftOut = -1

  /** @param map gets notes of what holds for each of its ranges */
  constructor(map: SequenceMap) {
    this.#map = map
  }

  /** Whether pictures are sent under other numbers than those that they came with. */
  get isShifted(): boolean {
    return (this.#pictureDelta | this.#tl0Delta | this.#keyIdxDelta) !== 0
  }

  /** Another run follows. */
  restart(): void {
    this.#continues = true
  }

  /** Packets begin, or go on after an interruption, with this one. @returns whether that is with other numbers than before */
  begin(packet: Packet): boolean {
    const continues = this.#continues
    if (continues) this.#continue(packet)
    this.#newestPictureDelta = this.#pictureDelta
    return continues
  }

  #continue({ pictureId, tl0PicIdx, keyIdx }: Packet): void {
    const map = this.#map
    const last = this.#last
    this.#continues = false
    this.#leftOut = -1
    this.#pictureDelta = deltaAfter(last.pictureId, pictureId, PICTURE_ID_MASK)
    this.#tl0Delta = deltaAfter(last.tl0PicIdx, tl0PicIdx, TL0_PIC_IDX_MASK)
    this.#keyIdxDelta = deltaAfter(last.keyIdx, keyIdx, KEY_IDX_MASK)
    map.note(Note.pictureDelta, this.#pictureDelta)
    map.note(Note.tl0Delta, this.#tl0Delta)
    map.note(Note.keyIdxDelta, this.#keyIdxDelta)
  }

  /** The run ends: its last picture that was sent is kept in mind. @param pictures of its last packets */
  remember(pictures: Pictures): void {
    let at = -1
    for (let back = 0; back < MAX_PADDING && (at < 0 || pictures.pictureIdAt(at) < 0); back++) {
      at = pictures.find(this.#map.newestSource - back)
    }
    if (at < 0 || pictures.pictureIdAt(at) < 0) return
    const last = this.#last
    last.pictureId = sentAs(pictures.pictureIdAt(at), this.#newestPictureDelta, PICTURE_ID_MASK)
    last.tl0PicIdx = sentAs(pictures.tl0PicIdxAt(at), this.#tl0Delta, TL0_PIC_IDX_MASK)
    last.keyIdx = sentAs(pictures.keyIdxAt(at), this.#keyIdxDelta, KEY_IDX_MASK)
  }

  /** The newest packet was left out. VP8 receivers take a picture that is missing for one that may still come. */
  leaveOut({ codec, pictureId, extSeq }: Packet): void {
    const map = this.#map
    if (codec === VP8 && pictureId >= 0 && pictureId !== this.#leftOut) {
      this.#leftOut = pictureId
      this.#pictureDelta = (this.#pictureDelta - 1) & PICTURE_ID_MASK
      map.note(Note.pictureDelta, this.#pictureDelta)
    }
    if (map.newestSource === extSeq) this.#newestPictureDelta = this.#pictureDelta
  }

  /** The newest packet is sent. */
  sent(): void {
    this.#newestPictureDelta = this.#pictureDelta
  }

  /**
   * Says how the numbers of a packet change.
   * @param inOrder it is the newest; for a late one, which `map` was just asked for, holds what was noted then
   */
  renumber(packet: Packet, inOrder: boolean, result: Renumbering): void {
    const map = this.#map
    const pictureDelta = inOrder ? this.#pictureDelta : map.noted(Note.pictureDelta)
    const tl0Delta = inOrder ? this.#tl0Delta : map.noted(Note.tl0Delta)
    const keyIdxDelta = inOrder ? this.#keyIdxDelta : map.noted(Note.keyIdxDelta)
    const isNumbered = packet.pictureId >= 0 || packet.tl0PicIdx >= 0 || packet.keyIdx >= 0
    result.rewritten = isNumbered && (pictureDelta | tl0Delta | keyIdxDelta) !== 0
    result.pictureDelta = pictureDelta
    result.tl0Delta = tl0Delta
    result.keyIdxDelta = keyIdxDelta
  }
}
