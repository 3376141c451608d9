/**
 * Captures of clear RTP and RTCP, both ways. Nothing of this is on the packet path while nothing is captured: the
 * worker asks once per batch whether there are any, and the forwarder gets a `CapturingIo` instead of the io only as
 * long as there are.
 */
import type { CaptureAnswer, CaptureOptions } from '../control.js'
import type { ForwardIo } from '../forward/outbox.js'
import { Kind, type MediaIo, Meta, Target } from '../io/io.js'

/** Where packets go. */
export interface CaptureSink {
  /** Takes a copy. @returns false when it was left out */
  write(incoming: boolean, bytes: Uint8Array, offset: number, length: number): boolean
  /** Resolves when everything is written. Twice is harmless. */
  close(): Promise<void>
}

/** Captures at once on one worker: each costs a copy of every packet. */
const MAX_CAPTURES = 16

export interface CaptureHooks {
  /** Opens a file. @param ended called once when it ends by itself. @throws what the system says */
  open(options: CaptureOptions, ended: (why: string) => void): CaptureSink
  /** The forwarder is to send through `io` from now on. */
  sendThrough(io: ForwardIo): void
}

export class Captures {
  readonly #io: MediaIo
  readonly #hooks: CaptureHooks
  readonly #byTransport = new Map<number, CaptureSink>()
  readonly #closing = new Set<Promise<void>>()
  /** Packets that were not written: the disk is slow, or the file full. */
  leftOut = 0

  constructor(io: MediaIo, hooks: CaptureHooks) {
    this.#io = io
    this.#hooks = hooks
  }

  get size(): number {
    return this.#byTransport.size
  }

  has(transport: number): boolean {
    return this.#byTransport.has(transport)
  }

  /** @param ended called when the capture ends by itself */
  start(transport: number, options: CaptureOptions, ended: (why: string) => void): CaptureAnswer {
    if (this.has(transport)) return 'already started'
    if (this.size >= MAX_CAPTURES) return { problem: 'Too many captures at once' }
    try {
      const sink = this.#hooks.open(options, (why) => {
        this.stop(transport)
        ended(why)
      })
      this.#byTransport.set(transport, sink)
    } catch (error) {
      return { problem: error instanceof Error ? error.message : String(error) }
    }
    if (this.size === 1) this.#hooks.sendThrough(new CapturingIo(this.#io, this))
    return 'started'
  }

  /** Ends a capture. What is left of its file is still being written. */
  stop(transport: number): CaptureAnswer {
    const sink = this.#byTransport.get(transport)
    if (!sink) return 'not started'
    this.#byTransport.delete(transport)
    if (this.size === 0) this.#hooks.sendThrough(this.#io)
    const closing = sink.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
    return 'stopped'
  }

  /** Ends all captures; resolves when everything is written. */
  async close(): Promise<void> {
    for (const transport of [...this.#byTransport.keys()]) this.stop(transport)
    await Promise.all(this.#closing)
  }

  /** The rows of a batch that are RTP or RTCP of captured transports. */
  received(count: number): void {
    const { meta, rx } = this.#io
    for (let at = 0; at < count * Meta.stride; at += Meta.stride) {
      const kind = meta[at + Meta.kind]!
      if (kind !== Kind.rtp && kind !== Kind.rtcp) continue
      this.#write(meta[at + Meta.transport]!, true, rx, meta[at + Meta.offset]!, meta[at + Meta.length]!)
    }
  }

  sent(transport: number, bytes: Uint8Array, offset: number, length: number): void {
    this.#write(transport, false, bytes, offset, length)
  }

  #write(transport: number, incoming: boolean, bytes: Uint8Array, offset: number, length: number): void {
    const sink = this.#byTransport.get(transport)
    if (sink && !sink.write(incoming, bytes, offset, length)) this.leftOut++
  }
}

const RTP_HEADER_BYTES = 12

/** The io, with everything that the forwarder sends shown to the captures first. */
export class CapturingIo implements ForwardIo {
  readonly rx: Uint8Array
  readonly targets: Uint32Array
  readonly scratch: Uint8Array
  readonly #io: MediaIo
  readonly #captures: Captures

  constructor(io: MediaIo, captures: Captures) {
    this.rx = io.rx
    this.targets = io.targets
    this.scratch = io.scratch
    this.#io = io
    this.#captures = captures
  }

  fanout(source: Uint8Array, offset: number, length: number, headerLength: number, count: number): number {
    for (let row = 0; row < count; row++) {
      const at = row * Target.stride
      const transport = this.targets[at + Target.transport]!
      if (!this.#captures.has(transport)) continue
      const packet = this.#packet(at, source.subarray(offset + headerLength, offset + length))
      this.#captures.sent(transport, packet, 0, packet.length)
    }
    return this.#io.fanout(source, offset, length, headerLength, count)
  }

  rtcp(id: number, offset: number, length: number): boolean {
    this.#captures.sent(id, this.scratch, offset, length)
    return this.#io.rtcp(id, offset, length)
  }

  /** What the io writes for one row of `targets` (RFC 3550 §5.1), before it is sealed. */
  #packet(at: number, payload: Uint8Array): Uint8Array {
    const column = (name: keyof typeof Target) => this.targets[at + Target[name]]!
    const extension = this.scratch.subarray(column('extOffset'), column('extOffset') + column('extLength'))
    const prefix = this.scratch.subarray(column('prefixOffset'), column('prefixOffset') + column('prefixLength'))
    const rest = payload.subarray(column('skip'))
    const packet = new Uint8Array(RTP_HEADER_BYTES + extension.length + prefix.length + rest.length)
    const view = new DataView(packet.buffer)
    packet[0] = (extension.length > 0 ? 0x90 : 0x80) | (column('markerPt') >> 8)
    packet[1] = column('markerPt') & 0xff
    view.setUint16(2, column('extSeq') & 0xffff)
    view.setUint32(4, column('timestamp'))
    view.setUint32(8, column('ssrc'))
    packet.set(extension, RTP_HEADER_BYTES)
    packet.set(prefix, RTP_HEADER_BYTES + extension.length)
    packet.set(rest, RTP_HEADER_BYTES + extension.length + prefix.length)
    return packet
  }
}
