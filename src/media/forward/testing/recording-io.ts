/** A `MediaIo` without sockets that keeps what it was asked to send, for tests of the forwarder. */
import { Addr, MAX_BATCH, MAX_TARGETS, type MediaIo, Meta, SCRATCH_BYTES, Target } from '../../io/io.js'
import { readU16 } from '../../rtp/big-endian.js'
import { elementLength, findElement } from '../../rtp/extensions/index.js'
import { newRtpView } from '../../rtp/packet.js'

/** One packet that a `fanout` row asked for, as the subscriber would get it. */
export interface SentRtp {
  transport: number
  ssrc: number
  pt: number
  marker: boolean
  /** `ROC << 16 | seq`. */
  extSeq: number
  timestamp: number
  /** Extension block with its 4-byte head; empty = none. */
  extension: Uint8Array
  /** Prefix and payload. */
  payload: Uint8Array
}

export interface SentRtcp {
  transport: number
  bytes: Uint8Array
}

export class RecordingIo implements MediaIo {
  readonly rx = new Uint8Array(64 * 1024)
  readonly meta = new Int32Array(MAX_BATCH * Meta.stride)
  readonly addrs = new Uint8Array(MAX_BATCH * Addr.stride)
  readonly targets = new Uint32Array(MAX_TARGETS * Target.stride)
  readonly scratch = new Uint8Array(SCRATCH_BYTES)
  readonly counters = new Float64Array(0)
  readonly fingerprint = ''
  rtpSent: SentRtp[] = []
  rtcpSent: SentRtcp[] = []
  /** Calls of `fanout`. */
  fanouts = 0

  /** What was sent since the last call. */
  takeRtp(): SentRtp[] {
    const taken = this.rtpSent
    this.rtpSent = []
    return taken
  }

  takeRtcp(): SentRtcp[] {
    const taken = this.rtcpSent
    this.rtcpSent = []
    return taken
  }

  fanout(source: Uint8Array, offset: number, length: number, headerLength: number, count: number): number {
    if (count < 1 || count > MAX_TARGETS) throw new RangeError(`${count} rows`)
    if (offset < 0 || offset + length > source.length || headerLength > length) throw new RangeError('source')
    this.fanouts++
    for (let row = 0; row < count; row++) {
      const at = row * Target.stride
      const column = (name: Exclude<keyof typeof Target, 'stride'>) => this.targets[at + Target[name]]!
      if (headerLength + column('skip') > length) throw new RangeError('skip')
      const prefix = this.#scratch(column('prefixOffset'), column('prefixLength'))
      const body = source.slice(offset + headerLength + column('skip'), offset + length)
      if (column('extLength') % 4 !== 0) throw new RangeError('extension length')
      this.rtpSent.push({
        transport: column('transport'),
        ssrc: column('ssrc'),
        pt: column('markerPt') & 0x7f,
        marker: (column('markerPt') & 0x80) !== 0,
        extSeq: column('extSeq'),
        timestamp: column('timestamp'),
        extension: this.#scratch(column('extOffset'), column('extLength')),
        payload: Uint8Array.from([...prefix, ...body]),
      })
    }
    // The io is done with scratch now: whoever relies on it afterwards is wrong.
    this.scratch.fill(0xee)
    return count
  }

  rtcp(id: number, offset: number, length: number): boolean {
    if (length % 4 !== 0) throw new RangeError('RTCP length')
    this.rtcpSent.push({ transport: id, bytes: this.#scratch(offset, length) })
    return true
  }

  #scratch(offset: number, length: number): Uint8Array {
    if (offset + length > SCRATCH_BYTES - 16 * 1024) throw new RangeError('scratch of others')
    return this.scratch.slice(offset, offset + length)
  }

  listen(): { socket: number; port: number } {
    return { socket: 0, port: 0 }
  }
  bufferBytes(): number {
    return 0
  }

  listenTcp(): { socket: number; port: number } {
    return { socket: 0, port: 0 }
  }
  allocate(): number {
    return 0
  }
  allow(): boolean {
    return true
  }
  select(): boolean {
    return true
  }
  start(): boolean {
    return true
  }
  link(): boolean {
    return true
  }
  free(): void {}
  reply(): void {}
  sendTo(): void {}
  sctpSend(): boolean {
    return true
  }
  dtlsSend(): boolean {
    return true
  }
  flush(): void {}
  async close(): Promise<void> {}
}

/** The element `id` of a block from `SentRtp.extension`, or undefined. */
export function elementOf(extension: Uint8Array, id: number): Uint8Array | undefined {
  const view = newRtpView()
  if (extension.length === 0) return undefined
  view.extensionProfile = readU16(extension, 0)
  view.extensionOffset = 4
  view.extensionLength = readU16(extension, 2) * 4
  const at = findElement(extension, view, id)
  return at < 0 ? undefined : extension.slice(at, at + elementLength(extension, view, at))
}
