/**
 * Captured packets as files: pcap, and the text that the program `text2pcap` of Wireshark reads. Packets are shown
 * as clear RTP and RTCP in UDP between two made-up hosts, as Janus does: the peer is 10.1.1.1:1000, we are
 * 10.2.2.2:2000.
 *
 * ```
 * pcap:  | file header, 24 | record header, 16 | IPv4, 20 | UDP, 8 | RTP or RTCP … | record header …
 * text:  I 10:40:42.562146 000000 80 6f 12 34 …      text2pcap -D -n -l 1 -i 17 -u 1000,2000 -t '%H:%M:%S.'
 * ```
 */

/** One captured packet. */
export interface CapturedPacket {
  /** The peer sent it. */
  incoming: boolean
  /** Unix time. */
  atMs: number
  bytes: Uint8Array
  offset: number
  length: number
}

export interface CaptureFormat {
  /** What a file begins with. */
  readonly header: Uint8Array
  /** @param kept bytes of the packet that are written, at most its length */
  record(packet: CapturedPacket, kept: number): Uint8Array
}

const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
const IP_BYTES = 20
const UDP_BYTES = 8
/** LINKTYPE_RAW: packets begin with their IP header. */
const LINK_TYPE = 101
const SNAP_LENGTH = 65_535

const peer = { ip: [10, 1, 1, 1], port: 1000 }
const server = { ip: [10, 2, 2, 2], port: 2000 }

function fileHeader(): Uint8Array {
  const view = new DataView(new ArrayBuffer(FILE_HEADER_BYTES))
  view.setUint32(0, 0xa1b2c3d4)
  view.setUint16(4, 2)
  view.setUint16(6, 4)
  view.setUint32(16, SNAP_LENGTH)
  view.setUint32(20, LINK_TYPE)
  return new Uint8Array(view.buffer)
}

/** RFC 791 §3.1, RFC 768; a UDP checksum of 0 says that there is none. */
function writeHeaders(view: DataView, incoming: boolean, payloadLength: number): void {
  const [from, to] = incoming ? [peer, server] : [server, peer]
  const at = RECORD_HEADER_BYTES
  view.setUint16(at, 0x4500)
  view.setUint16(at + 2, IP_BYTES + UDP_BYTES + payloadLength)
  // Do not fragment; time to live 64; UDP.
  view.setUint16(at + 6, 0x4000)
  view.setUint16(at + 8, (64 << 8) | 17)
  for (let i = 0; i < 4; i++) {
    view.setUint8(at + 12 + i, from.ip[i]!)
    view.setUint8(at + 16 + i, to.ip[i]!)
  }
  let sum = 0
  for (let i = 0; i < IP_BYTES; i += 2) sum += view.getUint16(at + i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  view.setUint16(at + 10, ~sum & 0xffff)
  view.setUint16(at + IP_BYTES, from.port)
  view.setUint16(at + IP_BYTES + 2, to.port)
  view.setUint16(at + IP_BYTES + 4, UDP_BYTES + payloadLength)
}

const pcap: CaptureFormat = {
  header: fileHeader(),
  record({ incoming, atMs, bytes, offset, length }, kept) {
    const headers = IP_BYTES + UDP_BYTES
    const record = new Uint8Array(RECORD_HEADER_BYTES + headers + kept)
    const view = new DataView(record.buffer)
    const seconds = Math.floor(atMs / 1000)
    view.setUint32(0, seconds)
    view.setUint32(4, Math.floor((atMs - seconds * 1000) * 1000))
    view.setUint32(8, headers + kept)
    view.setUint32(12, headers + length)
    writeHeaders(view, incoming, length)
    record.set(bytes.subarray(offset, offset + kept), RECORD_HEADER_BYTES + headers)
    return record
  },
}

const text2pcap: CaptureFormat = {
  header: new Uint8Array(0),
  record({ incoming, atMs, bytes, offset }, kept) {
    const time = new Date(atMs).toISOString().slice(11, 19)
    const microseconds = String(Math.floor((atMs % 1000) * 1000)).padStart(6, '0')
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset + offset, kept)
      .toString('hex')
      .replace(/../g, ' $&')
    return Buffer.from(`${incoming ? 'I' : 'O'} ${time}.${microseconds} 000000${hex}\n`)
  },
}

export const captureFormats = { pcap, text2pcap }
