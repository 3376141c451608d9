/** A `MediaIo` that takes everything and keeps nothing: to see what the forwarder itself costs. */
import { Addr, MAX_BATCH, MAX_TARGETS, type MediaIo, Meta, SCRATCH_BYTES, Target } from '../../io/io.js'

export function openQuietIo(): MediaIo {
  return {
    rx: new Uint8Array(MAX_BATCH * 1536),
    meta: new Int32Array(MAX_BATCH * Meta.stride),
    addrs: new Uint8Array(MAX_BATCH * Addr.stride),
    targets: new Uint32Array(MAX_TARGETS * Target.stride),
    scratch: new Uint8Array(SCRATCH_BYTES),
    counters: new Float64Array(0),
    fingerprint: '',
    listen: () => ({ socket: 0, port: 0 }),
    listenTcp: () => ({ socket: 0, port: 0 }),
    bufferBytes: () => 0,
    allocate: () => 0,
    allow: () => true,
    select: () => true,
    start: () => true,
    link: () => true,
    free: () => {},
    fanout: (_source, _offset, _length, _headerLength, count) => count,
    rtcp: () => true,
    reply: () => {},
    sendTo: () => {},
    sctpSend: () => true,
    dtlsSend: () => true,
    flush: () => {},
    close: async () => {},
  }
}
