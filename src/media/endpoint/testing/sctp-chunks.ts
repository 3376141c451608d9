/** SCTP packets made by hand, for tests: builders that check nothing. */

export const u16 = (value: number) => [value >> 8, value & 255]
export const u32 = (value: number) => [...u16((value >>> 16) & 0xffff), ...u16(value & 0xffff)]
export const chunk = (type: number, flags: number, body: number[], length = body.length + 4) =>
  Uint8Array.from([type, flags, ...u16(length), ...body, ...new Array((4 - (body.length % 4)) % 4).fill(0)])
export const data = (
  tsn: number,
  streamId: number,
  ssn: number,
  ppid: number,
  payload: Uint8Array | string,
  flags = 3,
) =>
  Buffer.concat([
    Uint8Array.from([0, flags, ...u16(16 + payload.length), ...u32(tsn), ...u16(streamId), ...u16(ssn), ...u32(ppid)]),
    Buffer.from(payload),
    new Uint8Array((4 - (payload.length % 4)) % 4),
  ])
export const init = (tag: number, tsn: number, window = 100_000, streams = 100) =>
  chunk(1, 0, [...u32(tag), ...u32(window), ...u16(streams), ...u16(streams), ...u32(tsn), 0xc0, 0, 0, 4])
export const sack = (tsn: number, gaps: [number, number][] = [], window = 100_000) =>
  chunk(3, 0, [
    ...u32(tsn),
    ...u32(window),
    ...u16(gaps.length),
    ...u16(0),
    ...gaps.flatMap(([a, b]) => [...u16(a), ...u16(b)]),
  ])
export const openMessage = (label: string) =>
  Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0, ...u16(Buffer.byteLength(label)), 0, 0, ...Buffer.from(label)])

/** A packet with ports and tag; the checksum is the io's. */
export function packet(tag: number, chunks: Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat([Uint8Array.from([...u16(5000), ...u16(5000), ...u32(tag), 0, 0, 0, 0]), ...chunks])
  return bytes
}

/** The chunks of a packet of ours. */
export function chunksOf(bytes: Uint8Array): { type: number; body: Buffer }[] {
  const view = Buffer.from(bytes)
  const chunks = []
  for (let at = 12; at < view.length; at += (view.readUInt16BE(at + 2) + 3) & ~3) {
    chunks.push({ type: view[at]!, body: view.subarray(at + 4, at + view.readUInt16BE(at + 2)) })
  }
  return chunks
}
