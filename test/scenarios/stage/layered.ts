/**
 * A publisher with simulcast, as browsers have it: encodings with temporal layers, sound beside them. Payloads are VP8 by
 * their first bytes, and say at their end which layer they are of.
 */
import type { ReceiveStream } from '../../../src/media/control.js'
import { vp8Picture } from '../../../src/media/forward/testing/layers.js'
import { rtpPacket } from '../../../src/media/forward/testing/packets.js'
import type { Said } from '../../../src/media/forward/testing/said.js'
import { Client, type ClientOptions } from './client.js'
import type { Stage } from './stage.js'

const VIDEO_PT = 96
const AUDIO_PT = 111
const MID_ID = 4
const RID_ID = 10
const TRANSPORT_SEQ_ID = 5
const PACKET_BYTES = 1100
const SOUND_MS = 20
const SOUND_BYTES = 80
/** A keyframe is so many times as large as another frame. */
const KEYFRAME_FACTOR = 4
/** Of libvpx with three temporal layers: eight frames, which of them depend on the base only, and their share of bits. */
const TEMPORALS = [0, 2, 1, 2, 0, 2, 1, 2]
const SYNCS = [false, true, true, false, false, false, false, false]
const WEIGHTS = [1.6, 0.8, 0.8]

export const layerRates: readonly number[] = [150_000, 500_000, 1_700_000]

export interface LayeredOptions extends ClientOptions {
  /** Of its encodings in bit/s, ascending; at most three, each twice as high as the one before. */
  rates?: readonly number[]
  /** Three temporal layers instead of one. */
  temporal?: boolean
  /** Sends sound too, 32 kbit/s of payload. */
  sound?: boolean
  /** Frames differ in size by so much of it, up and down, 0–1. */
  variance?: number
  fps?: number
  /** Numbers its packets for transport-wide feedback, as who estimates the link by itself does. */
  numbered?: boolean
}

interface Encoding {
  rid: string
  ssrc: number
  rateBps: number
  seq: number
  wantsKeyframe: boolean
  frames: number
  pictureId: number
  tl0PicIdx: number
}

export class LayeredPublisher extends Client {
  readonly layers: Encoding[]
  /** What the last REMB asked it for, bit/s; Infinity before. */
  askedBps = Number.POSITIVE_INFINITY
  /** Packets of sound that it sent. */
  sounds = 0
  /** When each numbered packet was sent, and when it was told to have arrived. */
  readonly numberedMs = new Map<number, number>()
  readonly arrivedMs = new Map<number, number>()
  readonly #options: LayeredOptions
  readonly #fps: number
  #soundSeq: number
  #transportSeq = 0
  #running = false

  constructor(stage: Stage, options: LayeredOptions = {}) {
    super(stage, options)
    this.#options = options
    this.#fps = options.fps ?? 25
    this.#soundSeq = stage.net.random() & 0x7fff
    this.layers = (options.rates ?? layerRates).map((rateBps, i) => ({
      rid: 'qhf'[i]!,
      ssrc: 0xc000_0000 + this.id * 16 + i,
      rateBps,
      seq: stage.net.random() & 0x7fff,
      wantsKeyframe: true,
      frames: 0,
      pictureId: stage.net.random() & 0x7fff,
      tl0PicIdx: 0,
    }))
    const streams: ReceiveStream[] = [
      {
        ...{ mid: '0', kind: 'video', index: 0, clockRate: 90_000, nack: false, active: true, ssrcs: [] },
        payloadTypes: [{ codec: 'VP8', pt: VIDEO_PT }],
        extensions: { mid: MID_ID, rid: RID_ID, ...(options.numbered && { 'transport-cc': TRANSPORT_SEQ_ID }) },
      },
    ]
    if (options.sound) {
      streams.push({
        ...{ mid: '1', kind: 'audio', index: 0, clockRate: 48_000, nack: false, active: true },
        ssrcs: [{ ssrc: this.soundSsrc }],
        payloadTypes: [{ codec: 'opus', pt: AUDIO_PT }],
        extensions: { mid: MID_ID },
      })
    }
    this.command({ kind: 'setReceiveStreams', endpoint: this.id, streams })
    this.place('hall')
  }

  get soundSsrc(): number {
    return 0xd000_0000 + this.id
  }

  /** Sends frames from now on. */
  begin(): void {
    if (this.#running) return
    this.#running = true
    this.#repeat(1000 / this.#fps, () => {
      for (const [index, layer] of this.layers.entries()) this.#frame(index, layer)
    })
    if (this.#options.sound) this.#repeat(SOUND_MS, () => this.#sound())
  }

  #repeat(everyMs: number, run: () => void): void {
    const { net } = this.stage
    const next = () => {
      run()
      net.schedule(net.nowMs + everyMs, next)
    }
    next()
  }

  #frame(index: number, layer: Encoding): void {
    const { temporal = false, variance = 0 } = this.#options
    const keyframe = layer.wantsKeyframe
    layer.wantsKeyframe = false
    // The pattern begins anew with a keyframe.
    if (keyframe) layer.frames = 0
    const at = layer.frames++ % TEMPORALS.length
    const tid = temporal ? TEMPORALS[at]! : 0
    if (tid === 0) layer.tl0PicIdx++
    const { pictureId, tl0PicIdx } = layer
    layer.pictureId = (pictureId + 1) & 0x7fff
    const chance = 1 + variance * (2 * (this.stage.net.random() / 2 ** 32) - 1)
    const factor = keyframe ? KEYFRAME_FACTOR : (temporal ? WEIGHTS[tid]! : 1) * chance
    const timestamp = Math.round(this.stage.nowMs * 90) >>> 0
    let left = Math.ceil((layer.rateBps / 8 / this.#fps) * factor)
    for (let first = true; left > 0; left -= PACKET_BYTES, first = false) {
      const sync = temporal && SYNCS[at]!
      const head = vp8Picture({ pictureId, tl0PicIdx, tid, sync, keyframe, rest: !first, body: [] })
      if (keyframe && first) writeSize(head, 160 << index, 90 << index)
      const payload = new Uint8Array(Math.max(20, Math.min(left, PACKET_BYTES))).fill(7)
      payload.set(head)
      payload[payload.length - 1] = (index << 4) | tid
      const extensions = { [MID_ID]: '0', [RID_ID]: layer.rid, ...this.#number() }
      const { ssrc, seq } = layer
      layer.seq = (seq + 1) & 0xffff
      this.#send({ pt: VIDEO_PT, seq, ssrc, timestamp, marker: left <= PACKET_BYTES, payload, extensions })
    }
  }

  /** The next transport-wide number, if packets have one. */
  #number(): Record<number, Uint8Array> {
    if (!this.#options.numbered) return {}
    this.#transportSeq = (this.#transportSeq + 1) & 0xffff
    if (this.peer.connected) this.numberedMs.set(this.#transportSeq, this.stage.nowMs)
    return { [TRANSPORT_SEQ_ID]: Uint8Array.of(this.#transportSeq >> 8, this.#transportSeq & 0xff) }
  }

  #sound(): void {
    if (this.peer.connected) this.sounds++
    const seq = this.#soundSeq
    this.#soundSeq = (seq + 1) & 0xffff
    const timestamp = Math.round(this.stage.nowMs * 48) >>> 0
    const payload = new Uint8Array(SOUND_BYTES).fill(7)
    this.#send({ pt: AUDIO_PT, seq, ssrc: this.soundSsrc, timestamp, payload, extensions: { [MID_ID]: '1' } })
  }

  #send(packet: Parameters<typeof rtpPacket>[0]): void {
    if (this.peer.connected) this.peer.sendRtp(rtpPacket(packet))
  }

  protected override rtcp(said: Said): void {
    for (const layer of this.layers) if (said.keyframes.includes(layer.ssrc)) layer.wantsKeyframe = true
    this.askedBps = said.rembBps.at(-1) ?? this.askedBps
    for (const [number, ms] of said.arrivedMs) this.arrivedMs.set(number, ms)
  }
}

/** Of the picture, into the head of a VP8 keyframe, which ends with 14 bits each, little endian (RFC 6386 §9.1). */
function writeSize(head: Uint8Array, width: number, height: number): void {
  head.set([width & 0xff, width >> 8, height & 0xff, height >> 8], head.length - 4)
}
