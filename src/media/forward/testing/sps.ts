/** Sequence parameter sets of H264 (§7.3.2.1.1), for tests. */

export interface Sps {
  profile?: number
  columns: number
  rows: number
  /** Left, right, top, bottom, in crop units. */
  crop?: [number, number, number, number]
  /** Pictures may be fields. */
  fields?: boolean
  /** chroma_format_idc and separate_colour_plane_flag, for profiles that say so. */
  chroma?: number
  separate?: boolean
  /** Deltas by scaling list, null = not present. */
  scaling?: (number[] | null)[]
  orderType?: 0 | 1 | 2
  /** offset_for_ref_frame, with `orderType` 1. */
  offsets?: number[]
}

class Bits {
  text = ''

  put(width: number, value: number): this {
    this.text += value.toString(2).padStart(width, '0')
    return this
  }

  ue(...values: number[]): this {
    for (const value of values) {
      const code = (value + 1).toString(2)
      this.text += '0'.repeat(code.length - 1) + code
    }
    return this
  }

  se(...values: number[]): this {
    return this.ue(...values.map((value) => (value > 0 ? 2 * value - 1 : -2 * value)))
  }
}

/** A unit with its NAL header and with emulation prevention. */
export function sps(set: Sps): Uint8Array {
  const { profile = 66, columns, rows, crop, orderType = 0, offsets = [] } = set
  const bits = new Bits().put(8, profile).put(8, 0).put(8, 0).ue(0)
  if (profile >= 100) putSamples(bits, set)
  bits.ue(0, orderType)
  if (orderType === 0) bits.ue(4)
  if (orderType === 1)
    bits
      .put(1, 0)
      .se(-3, 5)
      .ue(offsets.length)
      .se(...offsets)
  bits
    .ue(1)
    .put(1, 0)
    .ue(columns - 1, rows - 1)
  bits.put(1, set.fields ? 0 : 1)
  if (set.fields) bits.put(1, 1)
  bits.put(1, 1).put(1, crop ? 1 : 0)
  bits.ue(...(crop ?? [])).put(2, 1)
  const text = bits.text.padEnd(Math.ceil(bits.text.length / 8) * 8, '0')
  const raw = text.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2))
  return Uint8Array.from([0x67, ...escaped(raw)])
}

function putSamples(bits: Bits, { chroma = 1, separate, scaling }: Sps): void {
  bits.ue(chroma)
  if (chroma === 3) bits.put(1, separate ? 1 : 0)
  bits
    .ue(0, 0)
    .put(1, 0)
    .put(1, scaling ? 1 : 0)
  for (const list of scaling ?? []) bits.put(1, list ? 1 : 0).se(...(list ?? []))
}

function escaped(raw: number[]): number[] {
  const out: number[] = []
  for (const byte of raw) {
    if (byte <= 3 && out.at(-1) === 0 && out.at(-2) === 0) out.push(3)
    out.push(byte)
  }
  return out
}
