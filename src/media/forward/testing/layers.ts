/** Payloads and dependency descriptors of layered streams, for tests. */

export interface Vp8Picture {
  /** 15 bits, or 7 with `short`. */
  pictureId: number
  short?: boolean
  tl0PicIdx: number
  tid: number
  /** Y. */
  sync?: boolean
  keyIdx?: number
  keyframe?: boolean
  /** Another packet of the picture than the first. */
  rest?: boolean
  body?: number[]
}

/** A VP8 payload with all of its descriptor (RFC 7741 §4.2). */
export function vp8Picture(picture: Vp8Picture): Uint8Array {
  const { pictureId, short, tl0PicIdx, tid, sync, keyIdx, keyframe, rest, body = [7] } = picture
  const id = short ? [pictureId & 0x7f] : [0x80 | ((pictureId >> 8) & 0x7f), pictureId & 0xff]
  const layer = (tid << 6) | (sync ? 0x20 : 0) | (keyIdx ?? 0)
  const head = keyframe ? [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00] : [0x11]
  const flags = 0xe0 | (keyIdx === undefined ? 0 : 0x10)
  return Uint8Array.from([rest ? 0x80 : 0x90, flags, ...id, tl0PicIdx & 0xff, layer, ...(rest ? [] : head), ...body])
}

export interface Vp9Frame {
  pictureId: number
  tl0PicIdx: number
  sid: number
  tid: number
  /** P. */
  predicted?: boolean
  /** U. */
  up?: boolean
  begin?: boolean
  end?: boolean
  /** Sizes of the scalability structure. */
  sizes?: [width: number, height: number][]
}

/** A VP9 payload in non-flexible mode (RFC 9628 §4.2). */
export function vp9Frame(frame: Vp9Frame): Uint8Array {
  const { pictureId, tl0PicIdx, sid, tid, predicted, up, begin = true, end = true, sizes } = frame
  const flags = 0xa0 | (predicted ? 0x40 : 0) | (begin ? 0x08 : 0) | (end ? 0x04 : 0) | (sizes ? 0x02 : 0)
  const head = [flags, 0x80 | (pictureId >> 8), pictureId & 0xff, (tid << 5) | (up ? 0x10 : 0) | (sid << 1), tl0PicIdx]
  const structure = sizes
    ? [
        ((sizes.length - 1) << 5) | 0x10,
        ...sizes.flatMap((size) => size.flatMap((pixels) => [pixels >> 8, pixels & 0xff])),
      ]
    : []
  return Uint8Array.from([...head, ...structure, 0x82, sid, tid])
}

class Bits {
  #text = ''

  put(width: number, value: number): this {
    if (width > 0) this.#text += value.toString(2).padStart(width, '0')
    return this
  }

  /** Non-symmetric value below `n`. */
  putBelow(n: number, value: number): this {
    const width = n.toString(2).length
    const short = 2 ** width - n
    return value < short ? this.put(width - 1, value) : this.put(width, value + short)
  }

  bytes(): Uint8Array {
    const text = this.#text.padEnd(Math.ceil(this.#text.length / 8) * 8, '0')
    return Uint8Array.from(text.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  }
}

export interface Template {
  spatial: number
  temporal: number
  /** By decode target: `-` not present, `D` discardable, `S` switch, `R` required. */
  dtis: string
  fdiffs: number[]
}

export interface Structure {
  offset: number
  templates: Template[]
  sizes?: [width: number, height: number][]
}

export interface Descriptor {
  start?: boolean
  end?: boolean
  template: number
  frame: number
  structure?: Structure
  /** Instead of the template's. */
  dtis?: string
  fdiffs?: number[]
}

const indication = (letter: string) => '-DSR'.indexOf(letter)

/** A dependency descriptor (AV1 RTP specification, A.8), with one chain that protects all targets. */
export function descriptor(d: Descriptor): Uint8Array {
  const bits = new Bits()
  bits.put(1, d.start === false ? 0 : 1).put(1, d.end === false ? 0 : 1)
  bits.put(6, d.template % 64).put(16, d.frame & 0xffff)
  if (!d.structure && !d.dtis && !d.fdiffs) return bits.bytes()
  bits.put(1, d.structure ? 1 : 0).put(1, 0)
  bits
    .put(1, d.dtis ? 1 : 0)
    .put(1, d.fdiffs ? 1 : 0)
    .put(1, 0)
  if (d.structure) putStructure(bits, d.structure)
  for (const letter of d.dtis ?? '') bits.put(2, indication(letter))
  for (const fdiff of d.fdiffs ?? []) bits.put(2, 1).put(4, fdiff - 1)
  if (d.fdiffs) bits.put(2, 0)
  return bits.bytes()
}

function putStructure(bits: Bits, { offset, templates, sizes }: Structure): void {
  const targets = templates[0]!.dtis.length
  bits.put(6, offset).put(5, targets - 1)
  for (const [i, { spatial, temporal }] of templates.entries()) {
    const next = templates[i + 1]
    if (!next) bits.put(2, 3)
    else if (next.spatial > spatial) bits.put(2, 2)
    else bits.put(2, next.temporal > temporal ? 1 : 0)
  }
  for (const { dtis } of templates) for (const letter of dtis) bits.put(2, indication(letter))
  for (const { fdiffs } of templates) {
    for (const fdiff of fdiffs) bits.put(1, 1).put(4, fdiff - 1)
    bits.put(1, 0)
  }
  bits.putBelow(targets + 1, 1)
  for (let target = 0; target < targets; target++) bits.putBelow(1, 0)
  for (let i = 0; i < templates.length; i++) bits.put(4, 1)
  bits.put(1, sizes ? 1 : 0)
  for (const [width, height] of sizes ?? []) bits.put(16, width - 1).put(16, height - 1)
}
