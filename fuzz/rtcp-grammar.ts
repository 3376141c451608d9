/**
 * Compound RTCP that is nearly right: every packet type that browsers send, built field by field, with lies where lies
 * have hurt servers: counts past the buffer, lengths that do not fit, chunks and deltas at the edges of what they
 * can say. Mutating bytes rarely gets that deep.
 */
import { writeU16, writeU24, writeU32 } from '../src/media/rtp/big-endian.js'

/** Integers below its argument. */
export type Random = (below: number) => number

/** SSRCs that the receiver knows, so that what is said about them has effects. */
export type Ssrcs = readonly number[]

type Production = (random: Random, ssrcs: Ssrcs) => { type: number; count: number; body: Uint8Array }

const MAX_BYTES = 1400

/** One compound packet of 1–6 packets, at most 1,400 bytes. */
export function compoundRtcp(random: Random, ssrcs: Ssrcs): Uint8Array {
  const out = new Uint8Array(MAX_BYTES)
  let at = 0
  for (let n = 1 + random(6); n > 0; n--) {
    const { type, count, body } = productions[random(productions.length)]!(random, ssrcs)
    const length = 4 + body.length
    if (at + length > MAX_BYTES) break
    out[at] = 0x80 | (random(40) === 0 ? 0x20 : 0) | (lie(random) ? random(32) : count & 31)
    out[at + 1] = random(60) === 0 ? random(256) : type
    writeU16(out, at + 2, lie(random) ? edge(random, 0xffff) : body.length / 4)
    out.set(body, at + 4)
    at += length
  }
  return out.slice(0, lie(random) ? random(at + 1) : at)
}

const lie = (random: Random): boolean => random(12) === 0

/** Numbers at which comparisons and signs turn. */
function edge(random: Random, max: number): number {
  const edges = [0, 1, 2, max >>> 1, (max >>> 1) + 1, max - 1, max]
  return random(3) === 0 ? random(Math.min(max, 0x7fff_ffff)) : edges[random(edges.length)]!
}

const ssrcOf = (random: Random, ssrcs: Ssrcs): number =>
  random(4) === 0 ? edge(random, 0xffff_ffff) : (ssrcs[random(ssrcs.length)] ?? 1)

/** Fields of 1–4 bytes one after another, filled up to whole words. */
class Fields {
  readonly bytes: number[] = []

  u8(value: number): this {
    this.bytes.push(value & 0xff)
    return this
  }
  u16(value: number): this {
    return this.#write(2, (to) => writeU16(to, 0, value & 0xffff))
  }
  u24(value: number): this {
    return this.#write(3, (to) => writeU24(to, 0, value & 0xff_ffff))
  }
  u32(value: number): this {
    return this.#write(4, (to) => writeU32(to, 0, value >>> 0))
  }
  some(random: Random, count: number): this {
    for (let i = 0; i < count; i++) this.u8(random(256))
    return this
  }
  body(): Uint8Array {
    while (this.bytes.length % 4 !== 0) this.bytes.push(0)
    return Uint8Array.from(this.bytes)
  }

  #write(length: number, write: (to: Uint8Array) => void): this {
    const to = new Uint8Array(length)
    write(to)
    this.bytes.push(...to)
    return this
  }
}

function reportBlocks(fields: Fields, random: Random, ssrcs: Ssrcs): number {
  const count = random(4)
  for (let i = 0; i < count; i++) {
    fields.u32(ssrcOf(random, ssrcs)).u8(edge(random, 0xff)).u24(edge(random, 0xff_ffff))
    for (let word = 0; word < 4; word++) fields.u32(edge(random, 0xffff_ffff))
  }
  return count
}

const senderReport: Production = (random, ssrcs) => {
  const fields = new Fields().u32(ssrcOf(random, ssrcs))
  for (let word = 0; word < 5; word++) fields.u32(edge(random, 0xffff_ffff))
  const count = reportBlocks(fields, random, ssrcs)
  return { type: 200, count, body: fields.some(random, 4 * random(2)).body() }
}

const receiverReport: Production = (random, ssrcs) => {
  const fields = new Fields().u32(ssrcOf(random, ssrcs))
  return { type: 201, count: reportBlocks(fields, random, ssrcs), body: fields.body() }
}

const sourceDescription: Production = (random, ssrcs) => {
  const fields = new Fields()
  const count = random(4)
  for (let chunk = 0; chunk < count; chunk++) {
    fields.u32(ssrcOf(random, ssrcs))
    for (let item = random(4); item > 0; item--) {
      const length = random(20)
      fields
        .u8(1 + random(9))
        .u8(lie(random) ? edge(random, 0xff) : length)
        .some(random, length)
    }
    // The zeros that end a chunk are forgotten now and then.
    if (!lie(random)) fields.u8(0)
    while (fields.bytes.length % 4 !== 0) fields.u8(0)
  }
  return { type: 202, count, body: fields.body() }
}

const bye: Production = (random, ssrcs) => {
  const fields = new Fields()
  const count = random(4)
  for (let i = 0; i < count; i++) fields.u32(ssrcOf(random, ssrcs))
  if (random(2) === 0) fields.u8(edge(random, 0xff)).some(random, random(12))
  return { type: 203, count, body: fields.body() }
}

const application: Production = (random, ssrcs) => {
  const body = new Fields()
    .u32(ssrcOf(random, ssrcs))
    .some(random, 4 * random(6))
    .body()
  return { type: 204, count: random(32), body }
}

/** Both SSRCs of a feedback packet. */
const feedback = (random: Random, ssrcs: Ssrcs): Fields =>
  new Fields().u32(ssrcOf(random, ssrcs)).u32(ssrcOf(random, ssrcs))

const nack: Production = (random, ssrcs) => {
  const fields = feedback(random, ssrcs)
  for (let i = random(20); i > 0; i--) fields.u16(edge(random, 0xffff)).u16(edge(random, 0xffff))
  return { type: 205, count: 1, body: fields.body() }
}

const transportCc: Production = (random, ssrcs) => {
  const fields = feedback(random, ssrcs).u16(edge(random, 0xffff))
  fields
    .u16(lie(random) ? edge(random, 0xffff) : random(60))
    .u24(edge(random, 0xff_ffff))
    .u8(random(256))
  for (let chunk = random(6); chunk > 0; chunk--) {
    const kinds = [random(3) * 0x2000 + random(20), 0x8000 | random(0x4000), 0xc000 | random(0x4000)]
    fields.u16(lie(random) ? edge(random, 0xffff) : kinds[random(3)]!)
  }
  for (let delta = random(40); delta > 0; delta--) {
    if (random(2) === 0) fields.u8(edge(random, 0xff))
    else fields.u16([0x8000, 0x7fff, 0xffff, 0, random(0x10000)][random(5)]!)
  }
  return { type: 205, count: 15, body: fields.body() }
}

const pli: Production = (random, ssrcs) => ({ type: 206, count: 1, body: feedback(random, ssrcs).body() })

const fir: Production = (random, ssrcs) => {
  const fields = feedback(random, ssrcs)
  for (let i = random(4); i > 0; i--) fields.u32(ssrcOf(random, ssrcs)).u8(random(256)).u24(random(3))
  return { type: 206, count: 4, body: fields.body() }
}

const remb: Production = (random, ssrcs) => {
  const listed = random(5)
  const fields = new Fields().u32(ssrcOf(random, ssrcs)).u32(0)
  fields.u32(lie(random) ? 0x52454d43 : 0x52454d42)
  fields.u8(lie(random) ? edge(random, 0xff) : listed).u24(edge(random, 0xff_ffff))
  for (let i = 0; i < listed; i++) fields.u32(ssrcOf(random, ssrcs))
  return { type: 206, count: 15, body: fields.body() }
}

const extendedReport: Production = (random, ssrcs) => {
  const fields = new Fields().u32(ssrcOf(random, ssrcs))
  for (let block = random(4); block > 0; block--) {
    const words = random(8)
    fields.u8([4, 5, 6, 7, random(256)][random(5)]!).u8(random(256))
    fields.u16(lie(random) ? edge(random, 0xffff) : words).some(random, words * 4)
  }
  return { type: 207, count: random(32), body: fields.body() }
}

const productions: readonly Production[] = [
  senderReport,
  receiverReport,
  sourceDescription,
  bye,
  application,
  nack,
  transportCc,
  pli,
  fir,
  remb,
  extendedReport,
]
