/**
 * Chunks inside of an SCTP association that are nearly right: every type of chunk, built field by field out of numbers
 * that the association knows, with lies where lies have hurt: lengths, counts, TSNs half the space ahead, gap blocks
 * that overlap, parameters past the end of their chunk.
 */
import { u16, u32 } from '../src/media/endpoint/testing/sctp-chunks.js'

/** Integers below its argument. */
export type Random = (below: number) => number

/** Numbers at which both sides are. */
export interface Known {
  /** Next TSN of the peer (us, the fuzzer), and the last one that the association sent. */
  tsn: number
  sentTsn: number
  cookie: Uint8Array
}

const lie = (random: Random): boolean => random(14) === 0

/** Numbers at which comparisons and signs turn. */
function edge(random: Random, bits: 16 | 32): number {
  const max = 2 ** bits - 1
  const edges = [0, 1, 2, max >>> 1, (max >>> 1) + 1, max - 1, max]
  return edges[random(edges.length)]!
}

/** A number near `value`, or at an edge. */
const near = (random: Random, value: number, spread = 12): number =>
  lie(random) ? edge(random, 32) : (value + random(spread) - 3) >>> 0

const bytesOf = (random: Random, most: number): number[] => Array.from({ length: random(most) }, () => random(256))
const stream = (random: Random): number => (lie(random) ? edge(random, 16) : random(12))

/** @returns a parameter, its length right or not */
function parameter(random: Random, type: number, body: number[]): number[] {
  const length = lie(random) ? edge(random, 16) : body.length + 4
  return [...u16(type), ...u16(length), ...body, ...new Array((4 - (body.length % 4)) % 4).fill(0)]
}

function openMessage(random: Random): number[] {
  const label = bytesOf(random, 12).map((byte) => byte & 0x7f)
  const length = lie(random) ? edge(random, 16) : label.length
  return [
    lie(random) ? random(256) : 3,
    [0, 1, 2, 0x80, 0x81, 0x82, 7][random(7)]!,
    0,
    0,
    ...u32(random(5)),
    ...u16(length),
    0,
    0,
    ...label,
  ]
}

function data(random: Random, { tsn }: Known): [number, number[]] {
  const isOpen = random(3) === 0
  const body = isOpen ? openMessage(random) : random(8) === 0 ? bytesOf(random, 1000) : bytesOf(random, 20)
  const ppid = isOpen ? 50 : [50, 51, 53, 56, 57, 99][random(6)]!
  const flags = random(3) === 0 ? random(16) : 3
  return [
    flags,
    [
      ...u32(near(random, tsn)),
      ...u16(stream(random)),
      ...u16(lie(random) ? edge(random, 16) : random(6)),
      ...u32(ppid),
      ...body,
    ],
  ]
}

function sack(random: Random, { sentTsn }: Known): [number, number[]] {
  const blocks = Array.from({ length: random(4) }, (_, i) => {
    const start = lie(random) ? edge(random, 16) : 2 + i * 3 + random(2)
    return [...u16(start), ...u16(lie(random) ? edge(random, 16) : start + random(2))]
  })
  const duplicates = Array.from({ length: random(3) }, () => u32(near(random, sentTsn)))
  const counts = [lie(random) ? edge(random, 16) : blocks.length, lie(random) ? edge(random, 16) : duplicates.length]
  const window = random(4) === 0 ? edge(random, 32) : 100_000
  return [
    0,
    [...u32(near(random, sentTsn - 4)), ...u32(window), ...counts.flatMap(u16), ...blocks.flat(), ...duplicates.flat()],
  ]
}

function forwardTsn(random: Random, { tsn }: Known): [number, number[]] {
  const pairs = Array.from({ length: random(5) }, () => [...u16(stream(random)), ...u16(random(9))])
  return [0, [...u32(near(random, tsn, 6)), ...pairs.flat(), ...(lie(random) ? bytesOf(random, 4) : [])]]
}

function reconfig(random: Random, { tsn, sentTsn }: Known): [number, number[]] {
  const streams = Array.from({ length: random(5) }, () => u16(stream(random))).flat()
  const request = () => u32(near(random, random(2) === 0 ? 1000 : tsn))
  const bodies = [
    () => parameter(random, 13, [...request(), ...request(), ...u32(near(random, tsn - 2)), ...streams]),
    () => parameter(random, 14, [...request(), ...streams]),
    () => parameter(random, 15, request()),
    () => parameter(random, 16, [...u32(near(random, sentTsn)), ...u32(random(8))]),
    () => parameter(random, 17, [...request(), 0, 5, 0, 0]),
    () => parameter(random, random(0x10000), bytesOf(random, 20)),
  ]
  return [0, Array.from({ length: 1 + random(3) }, () => bodies[random(bodies.length)]!()).flat()]
}

/** INIT and INIT ACK: what an honest peer says, each part wrong at times. Reads as: tag, window, streams, first TSN, parameters. */
function init(random: Random, { tsn }: Known): [number, number[]] {
  const numbers = [
    u32(lie(random) ? edge(random, 32) : 1 + random(8)),
    u32(random(4) === 0 ? edge(random, 32) : 100_000),
    u16(lie(random) ? edge(random, 16) : 1 + random(3)),
    u16(lie(random) ? edge(random, 16) : 1 + random(100)),
    u32(near(random, tsn, 1000)),
  ]
  const parameters = Array.from({ length: random(5) }, () => {
    const type = lie(random) ? random(0x10000) : [7, 7, 0xc000, 0x8008, 5, 6, 9, 11][random(8)]!
    return parameter(random, type, bytesOf(random, random(12) === 0 ? 1100 : 30))
  })
  return [0, [...numbers.flat(), ...parameters.flat()]]
}

const info = (random: Random): [number, number[]] => [0, parameter(random, 1, bytesOf(random, 24))]
const nothing = (): [number, number[]] => [0, []]
const cookieEcho = (random: Random, { cookie }: Known): [number, number[]] => [
  0,
  random(2) === 0 ? [...cookie] : bytesOf(random, 20),
]

/** Builders by type; those named more often come more often. */
type Productions = readonly [number, (random: Random, known: Known) => [flags: number, body: number[]]][]
const productions: Productions = [
  [0, data],
  [0, data],
  [0, data],
  [0, data],
  [3, sack],
  [3, sack],
  [3, sack],
  [192, forwardTsn],
  [192, forwardTsn],
  [130, reconfig],
  [130, reconfig],
  [1, init],
  [2, init],
  [4, info],
  [5, info],
  [9, info],
  [10, cookieEcho],
  [11, nothing],
  [14, nothing],
]
/** What ends an association by right, and so comes rarely. */
const endings: Productions = [
  [6, (random) => [random(2), bytesOf(random, 8)]],
  [7, (random, { sentTsn }) => [0, u32(near(random, sentTsn))]],
  [8, nothing],
]

/** What an association is set up with. */
const beginnings: Productions = [
  [1, init],
  [2, init],
  [2, init],
  [2, init],
  [10, cookieEcho],
  [11, nothing],
]

function chunkOf(random: Random, known: Known, from: Productions): number[] {
  const [type, build] = from[random(from.length)]!
  const [flags, body] = build(random, known)
  const length = lie(random) ? edge(random, 16) : body.length + 4
  const out = [random(80) === 0 ? random(256) : type, lie(random) ? random(256) : flags, ...u16(length), ...body]
  while (out.length % 4 !== 0) out.push(0)
  return out
}

/** One to four chunks, one after another. */
export function sctpChunks(random: Random, known: Known): Uint8Array {
  const out: number[] = []
  for (let n = 1 + random(4); n > 0; n--) out.push(...chunkOf(random, known, random(60) === 0 ? endings : productions))
  return Uint8Array.from(out)
}

/** A chunk that sets an association up, at times with others behind it. */
export function setUpChunks(random: Random, known: Known): Uint8Array {
  const first = chunkOf(random, known, beginnings)
  return random(4) === 0 ? Uint8Array.from([...first, ...sctpChunks(random, known)]) : Uint8Array.from(first)
}
